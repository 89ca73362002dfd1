"""What the demo tells: a shop, its flow in three languages, and three customers who each press a key."""

from dataclasses import dataclass
from typing import Any, Final

from leadline.telephony.callee import Callee, Moment, Press

SERVICEKEY: Final = "VoiceProcess"
DISPOSITION: Final = "confirmed"

CONFIGURATION: Final = """
sip: {{listen: "127.0.0.1:0"}}
organisations:
  - name: Acme
    apikey: {apikey}
    timezone: Asia/Kolkata
    subscriptions: {{tts: {{until: 2099-12-31}}}}
    processes:
      - servicekey: VoiceProcess
        flow: delivery
        speech: {{engine: espeak, language: en}}
        caller_id: "+912261234567"
        calling_hours: null
trunks:
  - name: telco
    uri: "sip:{{number}}@127.0.0.1:{port}"
    prefix: {{international: "00", national: "0", home_region: IN}}
flows:
  - name: delivery
    start: greet
    nodes:
      greet:
        say:
          en: "Hello {{{{ fname }}}}. Your order arrives tomorrow morning. Press 1 to confirm."
          hi: "नमस्ते {{{{ fname }}}}। आपका ऑर्डर कल सुबह पहुँचेगा। पुष्टि करने के लिए 1 दबाएँ।"
          mr: "नमस्कार {{{{ fname }}}}. तुमची ऑर्डर उद्या सकाळी पोहोचेल. खात्री करण्यासाठी 1 दाबा."
        then: ask
      ask: {{gather: {{digits: 1, timeout: 5s, repeat: 2}}, on: {{"1": thanks, none: silent}}}}
      thanks:
        say: {{en: "Thank you {{{{ fname }}}}. Goodbye.", hi: "धन्यवाद {{{{ fname }}}}।", mr: "धन्यवाद {{{{ fname }}}}."}}
        then: bye
      bye: {{hangup: {{outcome: confirmed}}}}
      silent: {{hangup: {{outcome: no_key}}}}
"""


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer: what the CRM pushes, and how their phone behaves."""

    language: str
    tongue: str
    """The language's name in English."""
    fname: str
    lname: str
    mobilenumber: str
    dialed: str
    """What the trunk is to be sent."""
    presses: Press
    colour: str

    @property
    def record(self) -> dict[str, Any]:
        return {
            "customercode": f"demo-{self.language}",
            "fname": self.fname,
            "lname": self.lname,
            "mobilenumber": self.mobilenumber,
            "language": self.language,
            "calltype": "5",
        }

    @property
    def callee(self) -> Callee:
        return Callee.answers(self.presses, rings=0.3)


PATIENT: Final = Press("1", 1.0, Moment.AFTER_SPEECH)
"""A customer who hears the question out."""
IMPATIENT: Final = Press("1", 2.5, Moment.DURING_SPEECH)
"""A customer who presses while the question plays: barge-in."""

CUSTOMERS: Final = (
    Customer("en", "English", "Grace", "Fernandes", "9820011223", "09820011223", PATIENT, "cyan"),
    Customer("hi", "Hindi", "राजेश", "कुमार", "+919820022334", "09820022334", PATIENT, "green"),
    Customer("mr", "Marathi", "सुवर्णा", "गाडेकर", "00919820033445", "09820033445", IMPATIENT, "magenta"),
)
ANYBODY: Final = Callee.answers(PATIENT, rings=1.0)
"""Whoever else is called while the demo is kept up."""


def push_of(customers: tuple[Customer, ...], apikey: str, reqdatetime: str) -> dict[str, Any]:
    """The Push Data document, as a CRM sends it."""
    return {
        "method": "ImportProcessData",
        "apikey": apikey,
        "servicekey": SERVICEKEY,
        "media": "12",
        "updateparam": "customercode",
        "reqdatetime": reqdatetime,
        "verbose": "1",
        "data": [customer.record for customer in customers],
    }
