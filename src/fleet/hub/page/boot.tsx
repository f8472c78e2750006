import { render } from 'preact';
import { buildFleetPage } from './control/fleet-parts.js';
import { FleetView } from './views/fleet-view.js';

const place = document.getElementById('page');
if (place !== null) {
  const page = buildFleetPage(localStorage, sessionStorage);
  await page.words.restore(navigator.languages);
  render(<FleetView page={page} />, place);
  void page.session.start();
}
