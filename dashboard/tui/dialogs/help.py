"""The help page: what one can do, by task, with its key; ⏎ puts another key in its place."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from dashboard.tui.dialogs.dialog import Dialog
from dashboard.tui.keymap import TASKS, Keys, taken_by

_KEY_CELLS = 6
_SIGNS = {"slash": "/", "question_mark": "?", "full_stop": ".", "plus": "+", "space": "␣", "comma": ","}
_FIRST_STEPS = (
    "An athlete with a plan: a, ↓ until they are marked, ⏎. The station counts from the first rep on.",
    "↑ on a station's screen selects a rep; what you press then means that one. u takes anything back.",
)


class HelpScreen(Dialog[None]):
    """Every task with its key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace", "original", "Original key", tooltip="the key it had at first")
    ]

    def __init__(
        self,
        screens: Sequence[Mapping[str, Binding]],
        keys: Callable[[], Keys],
        put: Callable[[str, str | None], None],
    ) -> None:
        """`screens`: the bindings of each, by id; `keys` that were put in the place of others.

        `put` one there, None: the original.
        """
        super().__init__()
        self._screens = screens
        self._every = {task: binding for screen in screens for task, binding in screen.items()}
        self._keys = keys
        self._put = put

    def compose(self) -> ComposeResult:
        """First steps, and the tasks."""
        with Vertical(id="help") as box:
            yield Static(Text("\n".join(_FIRST_STEPS), "italic"))
            yield OptionList(*self._options(), id="tasks")
        box.border_title = "what one can do"
        box.border_subtitle = Text("⏎ another key   ⌫ its original   esc back")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Ask for the key."""
        task = event.option.id
        if task is None:
            return

        def chosen(key: str | None) -> None:
            if key is not None:
                self._take(task, key)

        self.app.push_screen(KeyScreen(self._every[task].description), chosen)

    def action_original(self) -> None:
        """Give the marked task its original key back."""
        options = self.query_one(OptionList)
        task = None
        if options.highlighted is not None:
            task = options.get_option_at_index(options.highlighted).id
        if task is not None:
            self._take(task, None)

    def _take(self, task: str, key: str | None) -> None:
        other = taken_by(key or self._every[task].key, task, self._screens, self._keys())
        if other is not None:
            self.notify(f"{shown_key(key or '')} is the key of {other}", severity="warning", markup=False)
            return
        self._put(task, key)
        options = self.query_one(OptionList)
        place = options.highlighted
        options.clear_options().add_options(self._options())
        options.highlighted = place

    def _options(self) -> list[Option]:
        found = []
        for heading, tasks in TASKS.items():
            known = [task for task in tasks if task in self._every]
            if known:
                found.append(Option(Text(heading, "bold"), disabled=True))
            for task in known:
                binding = self._every[task]
                line = Text(
                    f"  {shown_key(self._keys().get(task, binding.key)):<{_KEY_CELLS}}",
                    "bold",
                    no_wrap=True,
                    overflow="ellipsis",
                )
                line.append(f"{binding.description:<12}", "not bold")
                line.append(binding.tooltip, "not bold dim")
                found.append(Option(line, id=task))
        return found


class KeyScreen(Dialog[str | None]):
    """Waits for one key and gives its name; escape leaves it as it is."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self._what = task

    def compose(self) -> ComposeResult:
        """One line."""
        with Vertical(id="one-key") as box:
            yield Static(Text(f"press the key for {self._what}"))
        box.border_subtitle = Text("esc back")

    def on_key(self, event: events.Key) -> None:
        """Take it."""
        if event.key != "escape" and (event.is_printable or event.key.startswith("f")):
            event.stop()
            self.dismiss(event.key)


def shown_key(key: str) -> str:
    """A key's name as it stands on the keyboard; the first of several."""
    first = key.rsplit(",", maxsplit=1)[-1] if "question_mark" in key else key.split(",", maxsplit=1)[0]
    return _SIGNS.get(first, first.replace("ctrl+", "^"))
