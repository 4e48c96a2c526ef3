"""Ukrainian without a zero before the day: «7 березня 2022 р., 14:02»."""

DATE_FORMAT = "j E Y р."
DATETIME_FORMAT = "j E Y р., H:i"
