"""The sizes that screens are looked at in: terminals, and those in a browser, columns × rows."""

TERMINALS = [(80, 24), (120, 40), (200, 60)]
BROWSERS = {
    (1280, 800): (142, 33),
    (1024, 768): (128, 35),
    (390, 844): (55, 37),
}  # by pixels, beside the buttons
SIZES = [*TERMINALS, *BROWSERS.values()]
