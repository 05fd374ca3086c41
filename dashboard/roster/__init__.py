"""Athletes, their badges and their plans."""
