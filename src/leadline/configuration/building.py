"""From the documents of the file to a configuration, with the rules that look at more than one key."""

from collections.abc import Sequence

from leadline.configuration.configuration import (
    Configuration,
    ConfiguredOrganisation,
    ConfiguredProcess,
    ConfiguredTrunk,
    Sip,
    User,
)
from leadline.configuration.document import (
    OrganisationDocument,
    ProcessDocument,
    Root,
    TrunkDocument,
)
from leadline.configuration.located import Located, Step
from leadline.configuration.problems import Problem, suggestion
from leadline.configuration.regions import country_of
from leadline.configuration.rules import holidays
from leadline.configuration.voices import unspeakable
from leadline.domain.abandonment import to_whoever_is_free
from leadline.domain.flow import Flow, Transfer, validate
from leadline.domain.pacing import SHORTEST_RING
from leadline.domain.policy import Direction, Mode, PacingRules, PrefixRule, ProcessPolicy, SpeechChoice, TrunkPolicy
from leadline.domain.template import names


class Builder:
    """Builds a configuration, and collects in `problems` what is wrong with it on the way.

    What was cut out of a place because of a fault is not missed there.
    """

    def __init__(self, root: Located) -> None:
        self.problems: list[Problem] = []
        self._root = root
        self._flows: dict[str, Flow] = {}
        self._regions: dict[str, set[str]] = {}
        """Regions of the processes that use a trunk, by its name; under "" those that use any."""

    def build(self, document: Root) -> Configuration:
        """The configuration; worth nothing if there are problems."""
        for flow, place in zip(document.flows, self._elements("flows"), strict=True):
            self._flows.setdefault(flow.name, built := flow.flow())
            self._check_languages(built, place)
            if not place.pruned:
                self._check_graph(built, place)
        organisations = tuple(
            self._organisation(organisation, place)
            for organisation, place in zip(document.organisations, self._elements("organisations"), strict=True)
        )
        self._check_keys(document.organisations)
        trunks = tuple(
            self._trunk(trunk, place) for trunk, place in zip(document.trunks, self._elements("trunks"), strict=True)
        )
        sip = document.sip
        return Configuration(organisations, trunks, Sip(sip.listen, sip.external_address, sip.rtp_ports))

    def _elements(self, key: str) -> Sequence[Located]:
        return list(self._root.match((key, "*")))

    def _say(self, place: Located, text: str, *steps: Step) -> None:
        """A fault of the innermost place along `steps`; nothing of a place that has a fault already."""
        found = place.walk(steps)[-1]
        if not found.pruned:
            self.problems.append(found.problem(text))

    # Flows

    def _check_graph(self, flow: Flow, place: Located) -> None:
        for fault in validate(flow):
            found = place.walk(("nodes", fault.node) if fault.node else ())[-1]
            for step in (fault.key, "on"):
                if found.child(step) is not None:
                    found = found.walk((step, fault.key))[-1]
                    break
            dangling = isinstance(found.value, str) and found.value.strip() not in flow.nodes
            self.problems.append(
                found.problem(f"{fault.problem}; {suggestion(found.value, flow.nodes)}" if dangling else fault.problem)
            )

    def _check_languages(self, flow: Flow, place: Located) -> None:
        for node, say in flow.says():
            for language in say.texts:
                if language and (reason := unspeakable(language)):
                    self._say(place, reason, "nodes", node, "say", language)

    # Organisations

    def _organisation(self, document: OrganisationDocument, place: Located) -> ConfiguredOrganisation:
        tts = document.subscriptions.tts
        own = {process.servicekey for process in document.processes}
        elements = place.match(("processes", "*"))
        return ConfiguredOrganisation(
            name=document.name,
            apikey=document.apikey.get_secret_value(),
            timezone=document.timezone,
            lenient_json=document.lenient_json,
            tts_until=tts.until if tts else None,
            users=tuple(User(user.login, user.name, user.role, user.endpoint) for user in document.users),
            do_not_call=tuple(sorted(set(document.do_not_call))),
            processes=tuple(
                self._process(process, document, own, element)
                for process, element in zip(document.processes, elements, strict=True)
            ),
        )

    def _check_keys(self, organisations: Sequence[OrganisationDocument]) -> None:
        owners: dict[str, str] = {}
        for document, place in zip(organisations, self._elements("organisations"), strict=True):
            owner = owners.setdefault(document.apikey.get_secret_value(), document.name)
            if owner != document.name:
                self._say(place, f"the key is that of organisation {owner!r}; each has its own", "apikey")

    # Processes

    def _process(
        self, document: ProcessDocument, organisation: OrganisationDocument, own: set[str], place: Located
    ) -> ConfiguredProcess:
        flow = self._flows.get(document.flow) if document.flow else None
        if document.mode is Mode.PREDICTIVE:
            flow = self._ahead(document, organisation, place)
        elif document.pacing is not None:
            self._say(
                place,
                f"pacing has no effect in a {document.mode} process; leave it out, or write mode: predictive",
                "pacing",
            )
        if document.mode is not Mode.MESSAGE:
            self._check_crew(document, organisation, place)
        elif document.flow is None and document.direction is not Direction.INBOUND:
            self._say(place, "a message process that calls customers needs a flow; name one of flows: flow: NAME")
        elif flow is not None:
            self._check_flow(document, organisation, own, flow, place)
        speech = (
            SpeechChoice(language=document.speech.language, voice=document.speech.voice) if document.speech else None
        )
        if speech is not None and (reason := unspeakable(speech.language, speech.voice)):
            self._say(place, reason, "speech", "voice" if unspeakable(speech.language) is None else "language")
        region = self._region(document, organisation, place)
        for trunk in document.trunks or ("",):
            self._regions.setdefault(trunk, set()).add(region)
        policy = ProcessPolicy(
            servicekey=document.servicekey,
            region=region,
            direction=document.direction,
            mode=document.mode,
            crm_unique_field=document.crm_unique_field,
            users=tuple(sorted(document.users)),
            flow=document.flow,
            speech=speech,
            trunks=tuple(document.trunks or ()),
            caller_id=document.caller_id,
            calling_hours=document.calling_hours.hours() if document.calling_hours else None,
            holidays=tuple(holidays(document.holidays)),
            schedule=document.schedule.schedule(organisation.timezone) if document.schedule else None,
            limits=document.limits.limits(),
            retry=document.retry.policy(),
            reopen=tuple(sorted(set(document.reopen))),
            ring_timeout=document.ring_timeout,
            agents=document.agents.rules(),
            pacing=PacingRules(document.pacing.abandonment_cap) if document.pacing else PacingRules(),
            fields=tuple(field.rule() for field in document.fields),
            spoken=_spoken(flow) if flow else (),
        )
        return ConfiguredProcess(policy, flow)

    def _check_crew(self, document: ProcessDocument, organisation: OrganisationDocument, place: Located) -> None:
        if document.flow is not None:
            self._say(place, f"a {document.mode} process connects customers to agents at once: leave flow out", "flow")
        called = {user.login for user in organisation.users if user.endpoint is not None}
        if called.isdisjoint(document.users):
            self._say(place, f"a {document.mode} process needs agents who can be called: users, each with an endpoint")

    def _ahead(self, document: ProcessDocument, organisation: OrganisationDocument, place: Located) -> Flow | None:
        """The flow of calls made ahead of the agents, with what they ask of a process."""
        if document.ring_timeout < SHORTEST_RING:
            least = f"{SHORTEST_RING.total_seconds():.0f}s"
            self._say(
                place,
                f"a predictive process lets a phone ring for {least} at least; write {least} or more",
                "ring_timeout",
            )
        message = document.pacing.abandoned_message if document.pacing else None
        if message is None:
            self._say(
                place,
                "a predictive process says who called to a customer whom no agent is free for; write "
                'abandoned_message: {en: "This was Acme. Nobody is free now, we are sorry."} under pacing',
                "pacing",
            )
            return None
        flow = to_whoever_is_free(document.servicekey, message)
        for language in message:
            if language and (reason := unspeakable(language)):
                self._say(place, reason, "pacing", "abandoned_message", language)
        self._check_speech(
            "the abandoned_message is spoken", document, organisation, place, "pacing", "abandoned_message"
        )
        return flow

    def _check_flow(
        self,
        document: ProcessDocument,
        organisation: OrganisationDocument,
        own: set[str],
        flow: Flow,
        place: Located,
    ) -> None:
        transfers = [node for node in flow.nodes.values() if isinstance(node, Transfer)]
        strangers = {node.queue for node in transfers if node.queue} - own
        for queue in sorted(strangers & self._servicekeys()):
            self._say(place, f"flow {flow.name!r} transfers to {queue!r}, a process of another organisation", "flow")
        phones = {user.login: user.endpoint for user in organisation.users}
        for agent in sorted({node.agent for node in transfers if node.agent}):
            if phones.get(agent) is None:
                lacks = "has no endpoint" if agent in phones else f"is no user of {organisation.name}"
                remedy = "add {login: …, endpoint: …} to its users"
                self._say(place, f"flow {flow.name!r} transfers to {agent!r}, who {lacks}; {remedy}", "flow")
        if flow.speaks:
            self._check_speech(f"flow {flow.name!r} speaks", document, organisation, place, "flow")

    def _check_speech(
        self, what: str, document: ProcessDocument, organisation: OrganisationDocument, place: Located, *steps: Step
    ) -> None:
        if document.speech is None:
            self._say(place, f"{what}; say in which language: speech: {{language: en}}")
        if organisation.subscriptions.tts is None:
            self._say(
                place,
                f"{what}, and the organisation has no TTS subscription; "
                "give it one: subscriptions: {tts: {until: 2099-12-31}}",
                *steps,
            )

    def _servicekeys(self) -> set[str]:
        places = self._root.match(("organisations", "*", "processes", "*", "servicekey"))
        return {place.value.strip() for place in places if isinstance(place.value, str)}

    def _region(self, document: ProcessDocument, organisation: OrganisationDocument, place: Located) -> str:
        region = document.region or country_of(organisation.timezone)
        if region is None:
            self._say(
                place,
                f"time zone {organisation.timezone} is of no one country; "
                "say in which one numbers without a country code are: region: IN",
            )
        return region or ""

    # Trunks

    def _trunk(self, document: TrunkDocument, place: Located) -> ConfiguredTrunk:
        policy = TrunkPolicy(
            name=document.name,
            uri=document.uri,
            username=document.username,
            transport=document.transport,
            codecs=tuple(document.codecs),
            prefix=self._prefix(document, place),
            numbers=tuple(sorted(set(document.numbers))),
            number_types=tuple(sorted(document.number_types)),
            register=document.registers,
            options=document.options,
            channels=document.channels,
            cps=document.cps,
            secured=document.password is not None,
        )
        return ConfiguredTrunk(policy, document.password.get_secret_value() if document.password else None)

    def _prefix(self, document: TrunkDocument, place: Located) -> PrefixRule | None:
        if document.prefix is None:
            return None
        regions = (self._regions.get(document.name, set()) | self._regions.get("", set())) - {""}
        home = document.prefix.home_region or (next(iter(regions)) if len(regions) == 1 else None)
        if home is None:
            users = f"processes of {' and '.join(sorted(regions))} use" if regions else "no process uses"
            self._say(place, f"{users} this trunk; say which country is home: home_region: IN", "prefix")
        return PrefixRule(home or "", document.prefix.international, document.prefix.national)


def _spoken(flow: Flow) -> tuple[str, ...]:
    texts = [text for _, say in flow.says() for text in say.texts.values()]
    return tuple(sorted(frozenset().union(*map(names, texts))))
