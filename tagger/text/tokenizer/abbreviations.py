"""Words that are written with a full stop of their own, language by language.

"Jan." is January in English and a man in Dutch, "Gent." an Italian title and a Belgian town: so every language has
its own list, beside what can be mistaken for nothing else, and a language that isn't known has none. Months,
weekdays and states are names as well; their stop is theirs only beside what such a word stands with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple


class _Words(NamedTuple):
    before_others: str  # stand before a name or a number: they end no sentence
    anywhere: str = ""  # may end one, too. Absent are those that are more often words ("Miss", "Sun", "est")
    dates: str = ""  # months and weekdays
    states: str = ""  # stand behind a comma
    starters: str = ""  # begin a sentence, and are no names: before them a title is none


_WORDS: dict[str, _Words] = {
    "en": _Words(
        "Mr Mrs Ms Mx Messrs Dr Drs Prof Rev Hon Gen Lt Col Sgt Cpl Capt Cmdr Adm Maj Gov Sen Rep Pres Supt Fr Msgr "
        "St Ste MR MRS DR vs viz cf Cf approx incl pp Fig Figs Ch Vol Nos",
        "Jr Sr JR Esq Ph.D M.Sc B.Sc LL.D Inc Corp Co Cos Ltd Bros INC LTD CORP Assn Dept Univ Inst Mfg Intl Natl "
        "Ave Blvd Rd Hwy Mt Ft etc al esp resp ext Tel No",
        "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat",
        "Ala Ariz Ark Calif Colo Conn Del Fla Ill Ind Kan Ky Md Mich Minn Mont Neb Nev Okla Ont Tenn Tex Va Vt Wis "
        "Wyo",
        "He She It They We You The This That These Those There Then But And His Her Their Our When While After",
    ),
    "de": _Words(
        "Dr Drs Prof Hr Hrn Fr Frl St bzw evtl ggf inkl sog vgl Vgl Nr Abs zzgl bspw Dipl Ing",
        "Jr Sr Ph.D Co Inc Ltd etc usw ca Tel Str Bd Jh dgl resp",
        "Jan Feb Febr Apr Aug Sept Okt Nov Dez",
        starters="Er Sie Es Wir Ihr Der Die Das Dieser Diese Dieses Dann Und Aber Dort Da Sein Seine",
    ),
    "es": _Words(
        "Sr Sra Srta Sres Dr Dra Prof Dña Ud Uds Vd Vds pág págs núm núms Lda Ldo Excmo Excma Avda Ing",
        "Jr etc Co Inc Ltd Tel",
        starters="Él Ella Ellos Ellas Luego Después Pero Entonces Allí",
    ),
    "fr": _Words(
        "Mme Mlle MM Dr Pr St Ste env chap cf pp",
        "Jr etc Co Inc Ltd",
        starters="Il Elle Ils Elles Puis Mais Ensuite Ce Cette",
    ),
    "it": _Words(
        "Sig Sigg Dott Avv Egr Gent Prof Ing Dr",
        "ecc Co Inc Ltd",
        starters="Lui Lei Egli Ella Loro Poi Ma Allora",
    ),
    "pt": _Words(
        "Sr Sra Srta Dr Dra Prof Exmo Exma Ing", "Jr etc", starters="Ele Ela Eles Elas Depois Mas Então"
    ),
    "nl": _Words(
        "dhr mevr Dhr Mevr Mr mr Dr dr Drs drs Prof prof St bijv nr Ing ing",
        "enz etc Co Inc Ltd Tel",
        "jan feb mrt apr aug sept okt nov dec",
        starters="Hij Zij Ze Wij Het De Toen Dan Maar En Er Die Dat",
    ),
}

# These are words of no language in the table, so that they hold in all of them: a text may quote another.
_UNMISTAKABLE = """
Hr Hrn Frl bzw evtl ggf inkl vgl Vgl Nr zzgl bspw usw Sra Srta Sres Dña pág págs núm núms Excmo Excma Avda Mme Mlle
Exmo Exma dhr mevr bijv Sigg Dott ecc
"""

# The languages whose abbreviations sentencex has; to any other it applies those of English.
_OTHERS_KNOWN = "am bg ca cs da fi gl hy kk nds pl ru sk ta uk"
_KNOWN = frozenset([*_WORDS, *_OTHERS_KNOWN.split()])
_WITHOUT_LATIN = "am"  # its list holds no word of any other script, so that none is applied


class Abbreviations(NamedTuple):
    """The abbreviations of a text.

    Attributes:
        code: the language as sentencex is told it.
        kept: all words whose full stop belongs to them.
        before_others: those of them that end no sentence.
        dates, states: those of them that are names, too.
        loose: both, each with its full stop.
        starters: what begins a sentence even behind a title.
    """

    code: str
    kept: frozenset[str]
    before_others: frozenset[str]
    dates: frozenset[str]
    states: frozenset[str]
    loose: frozenset[str]
    starters: frozenset[str]

    @property
    def is_known(self) -> bool:
        """Whether there is a list of the language."""
        return self.code != _WITHOUT_LATIN

    def is_free(self, runs: Sequence[str], place: int) -> bool:
        """Tell whether the full stop of the run there, a date's or a state's, is the sentence's."""
        word, following = runs[place][:-1], runs[place + 1] if place + 1 < len(runs) else ""
        if word in self.states and place and runs[place - 1].endswith(","):
            return False
        return not following or (following[0].isupper() and following[:-1] not in self.dates)


@lru_cache(maxsize=64)
def find_abbreviations(language: str, known: frozenset[str] = frozenset()) -> Abbreviations:
    """Return the abbreviations of a language, given by its code (`de`, `de-AT`); none where it isn't known.

    Args:
        language: the code.
        known: words of other languages that the text's corpus is known to write with a full stop.
    """
    code = _code_of(language)
    if code in _KNOWN:
        return _gather(code, [code], known.union(_UNMISTAKABLE.split()))
    return _gather(_WITHOUT_LATIN, [], known)


@lru_cache(maxsize=1)
def all_abbreviations() -> Abbreviations:
    """Return the abbreviations of all languages, for words whose language nobody knows."""
    return _gather("en", _WORDS, frozenset())


def _gather(code: str, languages: Iterable[str], others: frozenset[str]) -> Abbreviations:
    """Return the lists of some languages, and other words with the place that they have in theirs."""
    rows = [_WORDS[language] for language in languages if language in _WORDS]
    before, anywhere, dates, states, starters = (
        frozenset(" ".join(column).split()) for column in zip(_Words(""), *rows, strict=True)
    )
    before |= others.intersection(" ".join(row.before_others for row in _WORDS.values()).split())
    loose = frozenset(f"{word}." for word in dates | states)
    kept = before | anywhere | dates | states | others
    return Abbreviations(code, kept, before, dates, states, loose, starters)


def _code_of(language: str) -> str:
    return re.split("[-_]", language.lower())[0]
