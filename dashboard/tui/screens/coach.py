"""What a coach can do to the chosen station: one key each."""

from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from dashboard.floor.state import StationKey
from dashboard.floor.views import StationView
from dashboard.roster.people import Athlete
from dashboard.tui.commands import CommandSender
from dashboard.tui.dialogs.ask import AskScreen, Field
from dashboard.tui.dialogs.athlete import AthleteScreen
from dashboard.tui.dialogs.exercise import ExerciseScreen
from dashboard.tui.dialogs.person import person_form
from dashboard.tui.dialogs.prescription import prescription_form
from dashboard.tui.dialogs.sign_off import SignOffScreen
from dashboard.tui.keymap import named
from dashboard.tui.screens.live import LiveScreen
from dashboard.tui.screens.reps import load_of
from station.messages import CommandName

ACTIONS: list[BindingType] = named(
    [
        Binding("e", "exercise", "Exercise", tooltip="choose what the station counts"),
        Binding("a", "athlete", "Athlete", tooltip="say who lifts here"),
        Binding("n", "next", "Next", tooltip="the next athlete of the rack's queue lifts"),
        Binding("g", "queue", "Group", tooltip="say who shares the rack, two to four athletes"),
        Binding("l", "load", "Load", tooltip="enter the load"),
        Binding("p", "plan", "Plan", tooltip="load, sets, reps, tempo, velocity, limits, rest"),
        Binding("t", "ask('tare')", "Tare", tooltip="take the load cell's reading as zero"),
        Binding("0", "ask('zero')", "Zero", show=False, tooltip="a tether or its unit was moved: begin anew"),
        Binding("x", "ask('end-set')", "End", tooltip="end the set here"),
        Binding("r", "ask('restart-set')", "Restart", tooltip="the set does not count; begin again"),
        Binding(
            "plus",
            "ask('continue-set')",
            "Go on",
            key_display="+",
            show=False,
            tooltip="a set that a pause ended goes on",
        ),
        Binding("u", "undo", "Undo", tooltip="take back what was done last at the station"),
        Binding("k", "seen", "Seen", tooltip="acknowledge what the station calls for"),
        Binding("m", "ask('mute')", "Mute", tooltip="no bell and no flash for this station, or again"),
        Binding("o", "sign_off", "Sign", tooltip="sign off: shows what that rests on, and asks"),
    ]
)


class CoachScreen(LiveScreen):
    """A screen with one station chosen, and the keys that act on it."""

    BINDINGS: ClassVar[list[BindingType]] = ACTIONS

    @property
    def chosen(self) -> StationKey | None:
        """The station that keys act on."""
        raise NotImplementedError

    @property
    def _view(self) -> StationView | None:
        return None if self.chosen is None else self.coach.view_of(self.chosen)

    def action_ask(self, name: CommandName) -> None:
        """Send a command without arguments."""
        if self.chosen is not None:
            self.coach.sender.send(self.chosen, name)

    def action_undo(self) -> None:
        """Undo the last action."""
        if self.chosen is not None:
            self.coach.sender.undo(self.chosen)

    def action_exercise(self) -> None:
        """Choose an exercise from a list."""
        view = self._view
        if view is not None:
            screen = ExerciseScreen(self.coach.profiles, view.key[1], view.exercise)
            self.ask(screen, lambda name: self.coach.sender.assign_exercise(view.key, name))

    def action_athlete(self) -> None:
        """Choose an athlete by badge, by name or from the list; empty for nobody."""
        view = self._view
        if view is None:
            return
        sender, key = self.coach.sender, view.key
        people = self.coach.people_at(key)

        def enter(one: Athlete | None, name: str) -> None:
            form = person_form(one, name)
            self.ask(form, lambda person: sender.keep_person(key, person["one"], assign=one is None))

        screen = AthleteScreen(key[1], people, lambda one: sender.plan_of(one, key), sender.athlete_of, enter)
        self.ask(screen, lambda athlete: sender.assign_athlete(key, athlete or None))

    def action_next(self) -> None:
        """Assign the next athlete of the queue."""
        view = self._view
        if view is None:
            return
        if view.next_athlete is None:
            self.notify(
                f"{view.key[1]}: nobody waits; g says who shares it", severity="warning", markup=False
            )
            return
        self.coach.sender.assign_athlete(view.key, view.next_athlete)

    def action_queue(self) -> None:
        """Enter the queue of athletes."""
        view = self._view
        if view is None:
            return
        names = self.coach.names
        queue = [names.get(one, one) for one in view.queue or ([view.athlete] if view.athlete else [])]
        screen = AskScreen(
            f"who shares {view.key[1]}",
            [Field("two to four, in order", ", ".join(queue), extend=True)],
            lambda given: {"queue": _queue_of(given[0], self.coach.sender)},
        )
        self._send_when_chosen(screen, view.key, "set-queue", lambda given: given)

    def action_load(self) -> None:
        """Enter the load in the coach's unit."""
        view = self._view
        if view is None:
            return
        units = self.coach.units
        now = (view.load or "").removesuffix(f" {units}")
        running = view.set_event_id if view.reps and not view.set_over else None
        fields = [Field(units, now)]
        if running is not None:
            fields.append(Field("this set (s), or from now on (n)", "s"))

        def parse(given: list[str]) -> dict[str, Any]:
            load = load_of(given[0], units)
            which = given[1].lower() if running is not None else "n"
            if which not in ("s", "n"):
                raise ValueError("s for this set, n for from now on")
            return load | ({"set_event_id": running} if which == "s" else {})

        def chosen(given: dict[str, Any]) -> None:
            self.coach.sender.send(view.key, "load-set" if "set_event_id" in given else "set-load", **given)

        self.ask(AskScreen(f"load at {view.key[1]}", fields, parse), chosen)

    def action_plan(self) -> None:
        """Enter the prescription."""
        view = self._view
        if view is None:
            return
        screen = prescription_form(view, self.coach.units)
        self.ask(screen, lambda given: self.coach.sender.prescribe(view.key, **given))

    def action_seen(self) -> None:
        """Acknowledge the station's current alert."""
        view = self._view
        if view is None:
            return
        if not view.attention_text:
            self.notify(f"{view.key[1]}: nothing to acknowledge", markup=False)
            return
        self.coach.sender.send(view.key, "acknowledge", attention=view.attention_id)

    def action_sign_off(self) -> None:
        """Sign an exercise off, also where the mastery rule is not satisfied yet."""
        view = self._view
        if view is None:
            return
        about = {"exercise": view.exercise, "athlete": view.athlete}
        screen = SignOffScreen(view.called or "nobody", view.title, view.mastery)
        self._send_when_chosen(screen, view.key, "sign-off", lambda _: about)

    def _send_when_chosen(
        self, screen: Screen[Any], key: StationKey, name: CommandName, given: Callable[[Any], dict[str, Any]]
    ) -> None:
        self.ask(screen, lambda answer: self.coach.sender.send(key, name, **given(answer)))


def _queue_of(text: str, sender: CommandSender) -> list[str]:
    names = [name for part in text.split(",") if (name := part.strip())]
    if len(names) > 4:
        raise ValueError(f"{len(names)} athletes; four at most share a rack")
    return [sender.athlete_of(name) for name in names]
