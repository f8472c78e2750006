import { useEffect, useRef, useState } from 'preact/hooks';
import { droppedFiles, type ImportFile } from './import-files.js';

/**
 * Takes files that are dropped anywhere on the page: beside a place for them, a browser would leave the
 * page to show the file.
 * @returns whether files are over the page
 */
export function useDroppedFiles(
  take: (files: readonly ImportFile[]) => void,
  refuse: (error: unknown) => void,
): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef({ take, refuse });
  latest.current = { take, refuse };
  useEffect(() => {
    const onOver = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      setOver(true);
    };
    const onLeave = ({ relatedTarget }: DragEvent) => {
      if (relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      setOver(false);
      droppedFiles(event.dataTransfer.items).then(
        (files) => latest.current.take(files),
        (error: unknown) => latest.current.refuse(error),
      );
    };
    document.addEventListener('dragover', onOver);
    document.addEventListener('dragleave', onLeave);
    document.addEventListener('drop', onDrop);
    return () => {
      document.removeEventListener('dragover', onOver);
      document.removeEventListener('dragleave', onLeave);
      document.removeEventListener('drop', onDrop);
    };
  }, []);
  return over;
}
