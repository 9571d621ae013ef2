"""The words of the sheet, in German and English."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Language = Literal["de", "en"]


@dataclass(frozen=True, slots=True)
class SheetTexts:
    """One language's words; `{}` stands for what is filled in."""

    title: str
    access: str
    access_for: str
    valid_until: str
    first_step: str
    second_step: str
    third_step: str
    address: str
    code: str
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
        access="Ihr Zugang",
        access_for="Zugang für {}",
        valid_until="Gültig bis {}",
        first_step="Scannen Sie den QR-Code mit dem Handy. Oder öffnen Sie im Browser die Adresse unten.",
        second_step="Im Browser: Geben Sie den Zugangscode ein.",
        third_step="Geben Sie Ihr Geburtsdatum ein. Dann sehen Sie Ihre Bilder.",
        address="Adresse",
        code="Zugangscode",
        keep_safe="Bewahren Sie dieses Blatt sicher auf. Wer es hat und Ihr Geburtsdatum kennt, "
        "kann Ihre Bilder sehen.",
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
        access="Your access",
        access_for="Access for {}",
        valid_until="Valid until {}",
        first_step="Scan the QR code with your phone. Or open the address below in a browser.",
        second_step="In the browser: Enter the access code.",
        third_step="Enter your date of birth. Then you see your images.",
        address="Address",
        code="Access code",
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
