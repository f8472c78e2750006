import type { Translated } from '../../../../../page/words/language.js';
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
  // Messages of the robot.
  'ask.requested': 'Eine Person oder eine Meldung hat danach gefragt.',
  'ask.novel': 'Es ähnelt nichts, was bisher benannt wurde.',
  'ask.rare': {
    one: 'Es könnte {label} sein; davon gibt es erst {labels} Beispiel.',
    other: 'Es könnte {label} sein; davon gibt es erst {labels} Beispiele.',
  },
  'ask.uncertain': 'Der Roboter schwankt zwischen {first} und {second}.',
  'ask.unsure': 'Der Roboter ist nicht sicher, ob es {first} ist.',
  'ask.different': 'Es unterscheidet sich am meisten von dem bisher Benannten.',
  'teach.training': 'Ein Training läuft.',
  'teach.first-labels': {
    one: 'Benennen Sie {labels} Bild von jeder von zwei Klassen.',
    other: 'Benennen Sie je {labels} Bilder von zwei Klassen.',
  },
  'teach.second-class': {
    one: 'Benennen Sie {labels} Bild einer zweiten Klasse.',
    other: 'Benennen Sie {labels} Bilder einer zweiten Klasse.',
  },
  'teach.class-needs': '{label} braucht noch {labels}.',
  'teach.classes-need': '{label} braucht noch {labels}; außerdem: {others}.',
  'teach.paused': 'Das Training ist angehalten: Die Antworten warten darauf.',
  'teach.training-due': 'Das nächste Training beginnt bald.',
  'teach.until-training': {
    one: 'Noch {labels} Antwort bis zum nächsten Training.',
    other: 'Noch {labels} Antworten bis zum nächsten Training.',
  },
  'teach.train-now': 'Starten Sie ein Training: Es lernt die neuen Antworten.',
  'teach.ask': 'Benennen Sie, wonach der Roboter fragt.',
};
