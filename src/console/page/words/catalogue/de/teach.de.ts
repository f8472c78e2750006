import type { Translated } from '../catalogue.js';
import type { teachEn } from '../en/teach.en.js';

export const teachDe: Translated<typeof teachEn> = {
  'teach.didYouMean': 'Meinten Sie {label}?',
  'teach.nearNote': '„{typed}“ wäre eine neue Klasse.',
  'teach.alikeNote': '„{typed}“ sieht aus wie die Klasse {label}.',
  'teach.yesLabel': 'Ja, {label}',
  'teach.noNewClass': 'Nein, {typed} ist eine neue Klasse',
  'teach.changeText': 'Text ändern',
  'teach.noQuestions': 'Der Roboter hat gerade keine Fragen',
  'teach.labelLive':
    'Benennen Sie, was die Kamera zeigt. Bilder, bei denen er unsicher ist, erscheinen hier von selbst.',
  'teach.progress': '{percent} bis zum nächsten Schritt',
  'teach.labelled': { one: '{count} Bild benannt', other: '{count} Bilder benannt' },
  'teach.everyHelps': 'Jede Antwort hilft',
  'teach.untilTraining': {
    one: 'Noch {count} Antwort bis zum nächsten Training',
    other: 'Noch {count} Antworten bis zum nächsten Training',
  },
  'teach.unsent': {
    one: 'Noch nicht gespeichert: {count} Antwort. Der Roboter antwortet nicht; sie wird erneut gesendet.',
    other:
      'Noch nicht gespeichert: {count} Antworten. Der Roboter antwortet nicht; sie werden erneut gesendet.',
  },
  'teach.undoCount': 'Rückgängig ({count})',
  'teach.saidLabel': '{label} ✓',
  'teach.said.cannot_tell': 'Nicht erkennbar ✓',
  'teach.said.bad_image': 'Schlechtes Bild ✓',
  'teach.said.skip': 'Übersprungen',
  'teach.said.undone': 'Zurückgenommen',
  'teach.confirm': '{label}? ✓',
  'teach.guess': 'Der Roboter vermutet: {percent}',
  'teach.beginnerGuess': 'Der Roboter vermutet das, ist aber noch Anfänger',
  'teach.skip': 'Überspringen',
  'teach.cannot_tell': 'Nicht erkennbar',
  'teach.nothing': 'Nichts davon',
  'teach.bad_image': 'Schlechtes Bild',
  'teach.otherLabels': 'Andere Klassen',
  'teach.findOrAdd': 'Klasse suchen oder hinzufügen …',
  'teach.addClass': 'Neue Klasse „{typed}“',
  'teach.keys':
    'Tasten: Eingabe ja, 1–9 Klasse, S überspringen, ? nicht erkennbar, 0 nichts, X schlechtes Bild, U rückgängig, N neue Klasse',
  'teach.imageOf': 'Bild der Kamera {camera}, um das es geht',
  'teach.imageGone': 'Dieses Bild kann nicht gezeigt werden. Überspringen Sie es.',
  'teach.reason.uncertain': 'unsicher',
  'teach.reason.novel': 'sieht neu aus',
  'teach.reason.different': 'sieht anders aus',
  'teach.reason.rare': 'seltene Klasse',
  'teach.reason.requested': 'von Ihnen gewünscht',
  'teach.why.uncertain': 'Der Roboter schwankt zwischen Klassen.',
  'teach.why.novel': 'Es sieht nach nichts aus, was der Roboter kennt.',
  'teach.why.different': 'Es unterscheidet sich von den Bildern, die Sie benannt haben.',
  'teach.why.rare': 'Von dieser Klasse gibt es wenige Beispiele.',
  'teach.why.requested': 'Eine Person oder eine Meldung hat danach gefragt.',
  'teach.alikesFound': {
    one: '{count} Bild ähnelt dem, das Sie {label} genannt haben',
    other: '{count} Bilder ähneln dem, das Sie {label} genannt haben',
  },
  'teach.alikesHint': 'Tippen Sie ein Bild an, um es auszulassen, wenn es nicht {label} ist.',
  'teach.alikeOf': 'Ähnliches Bild {number} von {all}',
  'teach.labelAlikes': {
    one: 'Auch {count} ähnliches Bild: {label}',
    other: 'Auch {count} ähnliche Bilder: {label}',
  },
  'teach.leaveAlikes': 'Nein',
  'teach.leftOut': 'ausgelassen',
  'teach.alikesLabelled': {
    one: '{count} weiteres Bild: {label}',
    other: '{count} weitere Bilder: {label}',
  },
  'teach.refusedAnswer':
    'Ihre Antwort „{given}“ wurde nicht gespeichert; das Bild kommt wieder. {reason}',
  'teach.lostAnswer':
    'Ihre Antwort „{given}“ wurde nicht gespeichert: Das Bild gibt es nicht mehr. {reason}',
  'teach.changes': 'Was Ihre Antworten bewirkt haben',
  'teach.seeVerdict': 'Das Urteil unter „Wissen“ ansehen',
};
