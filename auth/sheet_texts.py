"""The words of the sheet, in German and English."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Language = Literal["de", "en"]


@dataclass(frozen=True, slots=True)
class SheetTexts:
    """One language's words; `{}` stands for what is filled in."""

    title: str
    access_for: str
    steps: str
    scan: str
    open_page: str
    enter_code: str
    enter_birth_date: str
    code: str
    valid_until: str
    keep_safe: str
    notice: str
    notice_reason: str
    questions: str
    months: tuple[str, ...]
    date: str

    def long_date(self, day: datetime) -> str:
        """The day in words, e.g. "20. Februar 2027"."""
        return self.date.format(day=day.day, month=self.months[day.month - 1], year=day.year)


TEXTS: Final[dict[Language, SheetTexts]] = {
    "de": SheetTexts(
        title="Ihre Bilder online",
        access_for="Zugang für {}",
        steps="So geht es",
        scan="Scannen Sie den QR-Code mit der Kamera Ihres Handys.",
        open_page="Oder öffnen Sie im Browser:",
        enter_code="Geben Sie den Zugangscode ein. Nach dem Scannen ist das nicht nötig.",
        enter_birth_date="Geben Sie Ihr Geburtsdatum ein. Dann sehen Sie Ihre Bilder.",
        code="Ihr Zugangscode",
        valid_until="Gültig bis {}",
        keep_safe="Bewahren Sie dieses Blatt sicher auf. Wer es hat und Ihr Geburtsdatum kennt, kann Ihre Bilder sehen.",
        notice="Nicht zur Befundung geeignet!",
        notice_reason="Bitte besprechen Sie die Bilder mit Ihrer Ärztin oder Ihrem Arzt.",
        questions="Fragen?",
        months=(
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ),
        date="{day}. {month} {year}",
    ),
    "en": SheetTexts(
        title="Your images online",
        access_for="Access for {}",
        steps="How it works",
        scan="Scan the QR code with the camera of your phone.",
        open_page="Or open in a browser:",
        enter_code="Enter the access code. After scanning you can skip this step.",
        enter_birth_date="Enter your date of birth. Then you see your images.",
        code="Your access code",
        valid_until="Valid until {}",
        keep_safe="Keep this sheet safe. Whoever has it and knows your date of birth can see your images.",
        notice="Not for diagnostic use",
        notice_reason="Please talk about the images with your doctor.",
        questions="Questions?",
        months=(
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        date="{day} {month} {year}",
    ),
}
