"""What the dialogs have in common: escape and a tap beside them close them, and nothing is sent."""

from typing import ClassVar, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A dialog over another screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def on_click(self, event: events.Click) -> None:
        """Close where the dimmed screen behind the dialog is clicked or tapped."""
        # A bubbling click names whoever hears it, not what is under it.
        if self.get_widget_at(event.screen_x, event.screen_y)[0] is self:
            self.dismiss(None)
