"""The words of the sheet, in the languages of the portal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from babel import Locale
from babel.dates import format_date

Language = Literal["de", "en", "fr", "tr", "uk", "ar", "ru", "pl"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


@dataclass(frozen=True, slots=True)
class SheetTexts:
    """One language's words; `{}` stands for what is filled in. `locale` is that of its dates."""

    locale: str
    name: str
    """What the language calls itself."""
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

    def long_date(self, day: datetime) -> str:
        """The day in words, e.g. "20. Februar 2027"."""
        return format_date(day.date(), "long", locale=self.locale)

    @property
    def from_right(self) -> bool:
        """Whether it is read from the right."""
        return Locale.parse(self.locale).text_direction == "rtl"


TEXTS: Final[dict[Language, SheetTexts]] = {
    "de": SheetTexts(
        locale="de",
        name="Deutsch",
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
    ),
    "en": SheetTexts(
        locale="en_GB",
        name="English",
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
    ),
    "fr": SheetTexts(
        locale="fr",
        name="Français",
        title="Vos images en ligne",
        access="Votre accès",
        access_for="Accès pour {}",
        valid_until="Valable jusqu’au {}",
        first_step="Scannez le QR code avec votre téléphone. Ou ouvrez dans un navigateur l’adresse ci-dessous.",
        second_step="Dans le navigateur : tapez le code d’accès.",
        third_step="Indiquez votre date de naissance. Vous verrez alors vos images.",
        address="Adresse",
        code="Code d’accès",
        keep_safe="Gardez cette feuille en lieu sûr. Toute personne qui l’a et qui connaît votre date de naissance "
        "peut voir vos images.",
        notice="Ne pas utiliser pour le diagnostic",
        notice_reason="Veuillez parler des images avec votre médecin.",
        questions="Des questions ?",
    ),
    "tr": SheetTexts(
        locale="tr",
        name="Türkçe",
        title="Görüntüleriniz internette",
        access="Erişiminiz",
        access_for="{} için erişim",
        valid_until="{} tarihine kadar geçerli",
        first_step="QR kodunu telefonunuzla okutun. Ya da aşağıdaki adresi tarayıcıda açın.",
        second_step="Tarayıcıda: Erişim kodunu yazın.",
        third_step="Doğum tarihinizi yazın. Sonra görüntülerinizi görürsünüz.",
        address="Adres",
        code="Erişim kodu",
        keep_safe="Bu kâğıdı güvenli bir yerde saklayın. Kâğıt kimdeyse ve doğum tarihinizi biliyorsa görüntülerinizi "
        "görebilir.",
        notice="Tanı amacıyla kullanılamaz",
        notice_reason="Lütfen görüntüleri doktorunuzla konuşun.",
        questions="Sorularınız mı var?",
    ),
    "uk": SheetTexts(
        locale="uk",
        name="Українська",
        title="Ваші знімки онлайн",
        access="Ваш доступ",
        access_for="Доступ для {}",
        valid_until="Діє до {}",
        first_step="Відскануйте QR-код телефоном. Або відкрийте в браузері адресу нижче.",
        second_step="У браузері: введіть код доступу.",
        third_step="Введіть свою дату народження. Тоді Ви побачите свої знімки.",
        address="Адреса",
        code="Код доступу",
        keep_safe="Зберігайте цей аркуш у надійному місці. Хто його має і знає Вашу дату народження, може бачити Ваші "
        "знімки.",
        notice="Не для встановлення діагнозу",
        notice_reason="Будь ласка, обговоріть знімки зі своїм лікарем.",
        questions="Запитання?",
    ),
    "ar": SheetTexts(
        locale="ar",
        name="العربية",
        title="صوركم على الإنترنت",
        access="وصولكم",
        access_for="وصول لـ {}\u200e",
        valid_until="صالح حتى {}",
        first_step="امسحوا رمز QR بالهاتف. أو افتحوا العنوان أدناه في المتصفح.",
        second_step="في المتصفح: أدخلوا رمز الدخول.",
        third_step="أدخلوا تاريخ ميلادكم. عندها ترون صوركم.",
        address="العنوان",
        code="رمز الدخول",
        keep_safe="احفظوا هذه الورقة في مكان آمن. من يملكها ويعرف تاريخ ميلادكم يستطيع رؤية صوركم.",
        notice="غير مخصص للتشخيص",
        notice_reason="يُرجى مناقشة الصور مع طبيبكم أو طبيبتكم.",
        questions="أسئلة؟",
    ),
    "ru": SheetTexts(
        locale="ru",
        name="Русский",
        title="Ваши снимки онлайн",
        access="Ваш доступ",
        access_for="Доступ для {}",
        valid_until="Действует до {}",
        first_step="Отсканируйте QR-код телефоном. Или откройте в браузере адрес ниже.",
        second_step="В браузере: введите код доступа.",
        third_step="Введите свою дату рождения. Тогда Вы увидите свои снимки.",
        address="Адрес",
        code="Код доступа",
        keep_safe="Храните этот лист в надёжном месте. Тот, у кого он есть и кто знает Вашу дату рождения, "
        "может видеть Ваши снимки.",
        notice="Не для постановки диагноза",
        notice_reason="Пожалуйста, обсудите снимки со своим врачом.",
        questions="Вопросы?",
    ),
    "pl": SheetTexts(
        locale="pl",
        name="Polski",
        title="Państwa zdjęcia online",
        access="Dostęp",
        access_for="Dostęp dla {}",
        valid_until="Ważny do {}",
        first_step="Prosimy zeskanować kod QR telefonem. Albo otworzyć w przeglądarce adres podany niżej.",
        second_step="W przeglądarce: prosimy wpisać kod dostępu.",
        third_step="Prosimy wpisać datę urodzenia. Potem widać zdjęcia.",
        address="Adres",
        code="Kod dostępu",
        keep_safe="Prosimy trzymać tę kartkę w bezpiecznym miejscu. Kto ją ma i zna datę urodzenia, "
        "może zobaczyć zdjęcia.",
        notice="Nie do celów diagnostycznych",
        notice_reason="Prosimy omówić zdjęcia z lekarką lub lekarzem.",
        questions="Pytania?",
    ),
}
