"""Named keys with rotation; imports no app of ours, so every app may use it."""
