"""The vendor's tables say what its page says."""

from leadline.domain.vendor import FOR_AGENTS, PRIORITIES, REOPENING, VOICE, CallType, Code, Media


def test_media():
    assert {int(medium) for medium in Media} == {1, 2, 3, 4, 8, 11, 12, 21, 22, 31}
    assert set(map(int, VOICE)) == {11, 12}


def test_call_types():
    assert {int(calltype) for calltype in CallType} == {5, 21, 31, 41, 71, 1001}
    assert set(map(int, FOR_AGENTS)) == {31, 71}
    assert set(REOPENING) == set(CallType) - {CallType.FRESH}


def test_a_hot_lead_is_ahead_of_everything_and_callbacks_are_ahead_of_fresh():
    assert set(PRIORITIES) == set(CallType)
    assert all(PRIORITIES[CallType.HOT_LEAD] < PRIORITIES[other] for other in set(CallType) - {CallType.HOT_LEAD})
    for callback in (CallType.CALLBACK, CallType.PREVIEW_CALLBACK, CallType.GENERAL_CALLBACK):
        assert callback.priority < CallType.FRESH.priority


def test_every_code_has_the_vendors_sentence():
    assert {int(code): code.description for code in Code} == {
        1: "success",
        5: "fail",
        14: "Customer data not found",
        15: "Date range not proper",
        16: "Invalid To Date format",
        17: "Invalid Media",
        18: "Media Not found",
        19: "Media Found blank",
        24: "Update Parameter not found",
        25: "Update Parameter blank",
        26: "Invalid Update Parameter",
        1107: "api key not found",
        1108: "Service key not found",
        1243: "Service Key API Key Not matching",
    }
