/** @param share 0..1 */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
