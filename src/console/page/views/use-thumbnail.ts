import { useEffect, useState } from 'preact/hooks';
import { Refusal } from '../robot/refusal.js';
import type { RobotApi } from '../robot/robot-api.js';

/** Object URL of the sample's picture, null until it is loaded. Each new list of samples retries. */
export function useThumbnail(api: RobotApi, sample: { id: string }): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (url !== null) return;
    let gone = false;
    api.samplePicture(sample.id).then(
      (picture) => {
        if (!gone) setUrl(URL.createObjectURL(picture));
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
      },
    );
    return () => {
      gone = true;
    };
  }, [api, sample, url]);
  useEffect(() => {
    if (url === null) return;
    return () => URL.revokeObjectURL(url);
  }, [url]);
  return url;
}
