import { useEffect } from 'preact/hooks';
import { useSelected } from '../../../../../page/views/use-selected.js';
import { useWords } from '../../../../../page/views/use-words.js';
import type { CameraStatus } from '../../../../contract/live-contract.js';
import { NearDialog } from '../../parts/near-dialog.js';
import type { PlaceProps } from '../place-props.js';
import { CameraGrid } from './camera-grid.js';
import { LargeCamera } from './large-camera.js';
import { OtherCameras } from './other-cameras.js';
import { PauseBanner } from './pause-banner.js';

/** All cameras and regions on which the task decides; one of them can be opened large. */
export function LivePlace({ page, status }: PlaceProps) {
  const words = useWords(page);
  const wanted = useSelected(page.store, (state) => state.params.camera);
  const cameras = status.cameras.filter(({ decided }) => decided);
  const open = openCamera(cameras, wanted);
  const name = open?.name;
  useEffect(() => {
    if (name !== undefined) page.viewfinder.choose(name);
  }, [page, name]);
  return (
    <>
      <PauseBanner page={page} paused={status.state === 'paused'} />
      {open === null && cameras.length > 0 && (
        <CameraGrid page={page} status={status} cameras={cameras} />
      )}
      {open !== null && <LargeCamera page={page} status={status} cameras={cameras} open={open} />}
      {cameras.length === 0 && (
        <p class="card empty" id="no-cameras">
          {status.cameras.length === 0
            ? words.say('live.noCameras')
            : words.say('live.decidesOnNone', { task: status.task })}
        </p>
      )}
      <OtherCameras page={page} cameras={status.cameras.filter(({ decided }) => !decided)} />
      <NearDialog page={page} />
    </>
  );
}

/** The camera that is shown large; null: all are shown. */
function openCamera(
  cameras: readonly CameraStatus[],
  wanted: string | undefined,
): CameraStatus | null {
  if (cameras.length === 1) return cameras[0]!;
  return cameras.find(({ name }) => name === wanted) ?? null;
}
