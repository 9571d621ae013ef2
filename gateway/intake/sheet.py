"""The sheet of an upload link: what a share's sheet is for seeing images, this one is for sending them."""

from dataclasses import replace
from typing import Final

from auth.sheet import Handout, Paper, handout_pdf
from auth.sheet_texts import TEXTS, Language, SheetTexts
from gateway.config import Config
from gateway.intake.links import Form, IssuedLink
from gateway.sheets import letterhead

_WORDS: Final[dict[Language, SheetTexts]] = {
    "de": replace(
        TEXTS["de"],
        title="Bilder an uns senden",
        first_step="Scannen Sie den QR-Code mit dem Handy. Oder öffnen Sie am Computer die Adresse unten.",
        second_step="Am Computer: Geben Sie den Code ein.",
        third_step="Füllen Sie das Formular aus. Wählen Sie dann Ihre Bilder.",
        code="Code",
        keep_safe="Mit diesem Blatt kann man uns Bilder nur senden. Niemand kann damit Bilder ansehen.",
        notice="Nicht für Notfälle!",
        notice_reason="Wir sehen Ihre Bilder nicht sofort. Rufen Sie im Notfall den Rettungsdienst.",
    ),
    "en": replace(
        TEXTS["en"],
        title="Send us your images",
        first_step="Scan the QR code with your phone. Or open the address below on a computer.",
        second_step="On a computer: Enter the code.",
        third_step="Fill in the form. Then choose your images.",
        code="Code",
        keep_safe="With this sheet images can only be sent to us. Nobody can look at images with it.",
        notice="Not for emergencies",
        notice_reason="We do not see your images at once. In an emergency call an ambulance.",
    ),
    "fr": replace(
        TEXTS["fr"],
        title="Nous envoyer des images",
        first_step="Scannez le QR code avec votre téléphone. Ou ouvrez sur un ordinateur l’adresse ci-dessous.",
        second_step="Sur l’ordinateur : tapez le code.",
        third_step="Remplissez le formulaire. Choisissez ensuite vos images.",
        code="Code",
        keep_safe="Cette feuille sert seulement à nous envoyer des images. Personne ne peut voir d’images avec elle.",
        notice="Pas pour les urgences !",
        notice_reason="Nous ne voyons pas vos images tout de suite. Urgence : appelez les secours.",
    ),
    "tr": replace(
        TEXTS["tr"],
        title="Bize görüntü gönderin",
        first_step="QR kodunu telefonunuzla okutun. Ya da aşağıdaki adresi bilgisayarda açın.",
        second_step="Bilgisayarda: Kodu yazın.",
        third_step="Formu doldurun. Sonra görüntülerinizi seçin.",
        code="Kod",
        keep_safe="Bu kâğıtla bize yalnızca görüntü gönderilebilir. Kimse bununla görüntülere bakamaz.",
        notice="Acil durumlar için değil!",
        notice_reason="Görüntülerinizi hemen görmeyiz. Acil durumda ambulans çağırın.",
    ),
    "uk": replace(
        TEXTS["uk"],
        title="Надіслати нам знімки",
        first_step="Відскануйте QR-код телефоном. Або відкрийте на комп’ютері адресу нижче.",
        second_step="На комп’ютері: введіть код.",
        third_step="Заповніть форму. Потім виберіть свої знімки.",
        code="Код",
        keep_safe="За цим аркушем можна лише надіслати нам знімки. Ніхто не може переглядати знімки за ним.",
        notice="Не для невідкладних випадків!",
        notice_reason="Ми не бачимо знімки одразу. У разі потреби викличте швидку допомогу.",
    ),
    "ar": replace(
        TEXTS["ar"],
        title="أرسلوا لنا صوركم",
        first_step="امسحوا رمز QR بالهاتف. أو افتحوا العنوان أدناه على الحاسوب.",
        second_step="على الحاسوب: أدخلوا الرمز.",
        third_step="املؤوا النموذج. ثم اختاروا صوركم.",
        code="الرمز",
        keep_safe="بهذه الورقة يمكن إرسال الصور إلينا فقط. لا يستطيع أحد رؤية الصور بها.",
        notice="ليست للحالات الطارئة!",
        notice_reason="لا نرى صوركم فورًا. في الحالات الطارئة اتصلوا بالإسعاف.",
    ),
    "ru": replace(
        TEXTS["ru"],
        title="Отправить нам снимки",
        first_step="Отсканируйте QR-код телефоном. Или откройте на компьютере адрес ниже.",
        second_step="На компьютере: введите код.",
        third_step="Заполните форму. Затем выберите свои снимки.",
        code="Код",
        keep_safe="По этому листу можно только отправить нам снимки. Никто не может смотреть снимки по нему.",
        notice="Не для экстренных случаев!",
        notice_reason="Мы увидим снимки не сразу. В экстренном случае вызовите скорую помощь.",
    ),
    "pl": replace(
        TEXTS["pl"],
        title="Prosimy przesłać nam zdjęcia",
        first_step="Prosimy zeskanować kod QR telefonem. Albo otworzyć na komputerze adres podany niżej.",
        second_step="Na komputerze: prosimy wpisać kod.",
        third_step="Prosimy wypełnić formularz. Potem wybrać zdjęcia.",
        code="Kod",
        keep_safe="Tą kartką można nam tylko przesłać zdjęcia. Nikt nie może z nią oglądać zdjęć.",
        notice="Nie w nagłych przypadkach!",
        notice_reason="Nie widzimy zdjęć od razu. W nagłym przypadku prosimy wezwać pogotowie.",
    ),
}
_SUBJECTS: Final[dict[Language, dict[Form, str]]] = {
    "de": {"patient": "Für Patientinnen und Patienten", "referrer": "Für Praxen und Kliniken"},
    "en": {"patient": "For patients", "referrer": "For practices and hospitals"},
    "fr": {"patient": "Pour les patientes et les patients", "referrer": "Pour les cabinets et les cliniques"},
    "tr": {"patient": "Hastalar için", "referrer": "Muayenehaneler ve klinikler için"},
    "uk": {"patient": "Для пацієнтів", "referrer": "Для кабінетів і клінік"},
    "ar": {"patient": "للمرضى", "referrer": "للعيادات والمستشفيات"},
    "ru": {"patient": "Для пациентов", "referrer": "Для кабинетов и клиник"},
    "pl": {"patient": "Dla pacjentów", "referrer": "Dla gabinetów i klinik"},
}
_STANDING: Final[dict[Language, str]] = {
    "de": "Gültig bis auf Weiteres",
    "en": "Valid until further notice",
    "fr": "Valable jusqu’à nouvel ordre",
    "tr": "Yeni bir bilgiye kadar geçerli",
    "uk": "Діє до окремого повідомлення",
    "ar": "صالح حتى إشعار آخر",
    "ru": "Действует до особого уведомления",
    "pl": "Ważne do odwołania",
}


def address(config: Config) -> str:
    """What people type."""
    return f"{config.public_root}/u"


def handout(config: Config, issued: IssuedLink, language: Language) -> Handout:
    """What the sheet of a link says."""
    link, texts = issued.link, _WORDS[language]
    until = texts.valid_until.format(texts.long_date(link.expires)) if link.expires else _STANDING[language]
    return Handout(texts, _SUBJECTS[language][link.form], until, issued.url(config.public_root), issued.code)


def link_sheet(config: Config, issued: IssuedLink, *, language: Language, paper: Paper) -> bytes:
    """The sheet as PDF, with the letterhead of the link's site; raises as `handout_pdf`."""
    site = config.site_of(issued.link.site) or config.site
    return handout_pdf(
        handout(config, issued, language),
        address(config),
        language=language,
        paper=paper,
        head=letterhead(config, site),
    )
