import type { Translated } from '../language.js';
import type { frameEn } from './frame.en.js';

export const frameDe: Translated<typeof frameEn> = {
  'shell.skip': 'Zum Inhalt springen',
  'shell.places': 'Bereiche',
  'shell.connecting': 'Verbinde',
  'shell.connected': 'Live',
  'shell.reconnecting': 'Verbinde neu',
  'shell.locked': 'Gesperrt',
  'shell.loading': 'Lädt …',
  'shell.colours': 'Farben: {theme}',
  'shell.automatic': 'automatisch',
  'shell.light': 'hell',
  'shell.dark': 'dunkel',
  'shell.language': 'Sprache',
  'shell.cancel': 'Abbrechen',
  'shell.close': 'Schließen',
  'shell.token': 'Token',
  'shell.open': 'Öffnen',
  'shell.unreadable': 'Die Antwort ist nicht lesbar. Laden Sie die Seite neu.',
  'shell.alarms': { one: '{count} Alarm', other: '{count} Alarme' },
};
