"""Messages to state to views: what a screen says about a station, without a screen."""
