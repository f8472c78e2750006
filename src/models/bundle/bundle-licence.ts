import type { ModelCard } from '../../backbone/model-card.js';

/**
 * The text beside the model in a bundle: whose weights these are, that they were changed, and the
 * licence.
 * @param text The licence in full; null: only its name is known.
 */
export function bundleLicence(card: ModelCard, madeBy: string, text: string | null): string {
  const notice = [
    card.title,
    '',
    `Licence of the weights: ${card.licence}`,
    `Origin: ${card.attribution}`,
    `Trained on: ${card.trainingData}`,
    `Changes: ${madeBy} converted the weights to the format of the engine "${card.engine}", without ` +
      `the layers after the features${card.precision ? `, and to ${card.precision}` : ''}.`,
  ].join('\n');
  return text === null ? `${notice}\n` : `${notice}\n\n${text.trimEnd()}\n`;
}
