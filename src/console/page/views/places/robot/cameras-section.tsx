import { useState } from 'preact/hooks';
import { useWords } from '../../../../../page/views/use-words.js';
import type { PageParts } from '../../../control/page-parts.js';
import { useAnswer } from '../../use-answer.js';
import type { PlaceProps } from '../place-props.js';
import { LayoutEditor } from './layout-editor.js';

/** The cameras of the settings, each with its regions, and those that the machine has besides. */
export function CamerasSection({ page, status }: PlaceProps) {
  const words = useWords(page);
  const [open, setOpen] = useState<string | null>(null);
  // A region stands as a camera of its own in the status.
  const names = [...new Set(status.cameras.map(({ name }) => name.split('/', 1)[0] ?? name))];
  return (
    <>
      {names.map((name) => (
        <section class="card" key={name} aria-labelledby={`camera-${name}`}>
          <header>
            <h3 id={`camera-${name}`}>{words.say('robot.cameraNamed', { name })}</h3>
            <button
              type="button"
              aria-expanded={open === name}
              data-camera={name}
              onClick={() => setOpen(open === name ? null : name)}
            >
              {words.say(open === name ? 'shell.close' : 'robot.divide')}
            </button>
          </header>
          <p class="hint">{regionNames(status, name) ?? words.say('robot.wholeImage')}</p>
          {open === name && <LayoutEditor key={name} page={page} camera={name} />}
        </section>
      ))}
      <FoundCameras page={page} />
    </>
  );
}

function regionNames({ cameras }: PlaceProps['status'], name: string): string | null {
  const regions = cameras.flatMap((each) =>
    each.name.startsWith(`${name}/`) ? [each.name.slice(name.length + 1)] : [],
  );
  return regions.length === 0 ? null : regions.join(', ');
}

/** Cameras of the machine: one press adds one to the settings. */
function FoundCameras({ page }: { page: PageParts }) {
  const words = useWords(page);
  const { answer, reload } = useAnswer(page, 'GET /api/robot/cameras/found', {});
  const settings = useAnswer(page, 'GET /api/robot/settings', {});
  const found = answer?.cameras ?? [];
  const add = async (camera: Record<string, unknown>) => {
    const { answer: present } = settings;
    if (present === null) return;
    const listed = (present.values as { cameras?: unknown[] } | null)?.cameras ?? [];
    const name = nameFor(camera, listed);
    const change = { path: ['cameras', listed.length], value: { ...camera, name } };
    try {
      const body = { checksum: present.checksum, changes: [change] };
      await page.api.call('POST /api/robot/settings', { body });
      page.notices.say(words.say('robot.cameraAdded', { name }));
    } catch (error) {
      page.notices.problem(error);
    }
    reload();
    settings.reload();
  };
  return (
    <section class="card" aria-labelledby="found-title">
      <header>
        <h3 id="found-title">{words.say('robot.found')}</h3>
        <button type="button" onClick={reload}>
          {words.say('robot.lookAgain')}
        </button>
      </header>
      {answer !== null && found.length === 0 && <p class="empty">{words.say('robot.noneFound')}</p>}
      <ul class="lines">
        {found.map(({ description, camera, settings: opens }) => (
          <li key={description}>
            <span>{description}</span>
            {camera === null ? (
              <button type="button" onClick={() => void add(opens)}>
                {words.say('robot.addCamera')}
              </button>
            ) : (
              <span class="hint">{words.say('robot.configuredAs', { name: camera })}</span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function nameFor({ name }: Record<string, unknown>, listed: readonly unknown[]): string {
  const names = listed.map((each) => (each as { name?: string }).name ?? 'main');
  const wished = typeof name === 'string' ? name : 'camera';
  let given = wished;
  for (let number = 2; names.includes(given); number += 1) given = `${wished}-${number}`;
  return given;
}
