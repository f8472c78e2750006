import type { DriverConfig } from './settings.js';

export type FfmpegConfig = DriverConfig<'ffmpeg'>;

/** What an input is, told by its text: each kind has its own options and its own end. */
export type InputKind = 'v4l2' | 'rtsp' | 'http' | 'stream' | 'file';

/** `copy` hands the camera's own JPEGs on untouched; `encode` decodes and encodes MJPEG. */
export type FfmpegMode = 'copy' | 'encode';

export function inputKind(input: string): InputKind {
  if (input.startsWith('/dev/')) return 'v4l2';
  if (/^rtsps?:\/\//i.test(input)) return 'rtsp';
  if (/^https?:\/\//i.test(input)) return 'http';
  if (/^file:/i.test(input) || !/^[a-z][a-z0-9+.-]*:/i.test(input)) return 'file';
  return 'stream';
}

/** The modes to try, best first: where JPEGs may come from the camera itself, they are kept. */
export function ffmpegModes(config: FfmpegConfig): FfmpegMode[] {
  const kind = inputKind(config.input);
  if (kind === 'v4l2') {
    if (config.inputFormat === 'v4l2-mjpeg') return ['copy'];
    return config.inputFormat === 'v4l2-yuyv' ? ['encode'] : ['copy', 'encode'];
  }
  return kind === 'http' ? ['copy', 'encode'] : ['encode'];
}

/**
 * The argument vector of a long-lived ffmpeg that writes JPEGs, one after the other, to its
 * standard output. Nothing passes through a shell, and a value cannot become an option.
 *
 * @param majorVersion of the installed ffmpeg; matters for RTSP only.
 */
export function ffmpegArguments(
  config: FfmpegConfig,
  mode: FfmpegMode,
  majorVersion = 5,
): string[] {
  const output =
    mode === 'copy'
      ? ['-c:v', 'copy']
      : ['-vf', filters(config), '-c:v', 'mjpeg', '-q:v', '3', '-pix_fmt', 'yuvj420p'];
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'warning'],
    ...inputOptions(config, mode, majorVersion),
    ...['-i', config.input, '-map', '0:v:0', '-an', '-sn', '-dn'],
    ...output,
    // Deprecated for -fps_mode since 5.1, but understood by every version since 1.0.
    ...['-vsync', 'passthrough', '-flush_packets', '1', '-f', 'image2pipe', 'pipe:1'],
  ];
}

function inputOptions(config: FfmpegConfig, mode: FfmpegMode, majorVersion: number): string[] {
  // Longer than the stall watchdog: it only ends an ffmpeg whose daemon was killed.
  const timeoutMicroseconds = String(2_000 * config.stallMs);
  const live = ['-fflags', 'nobuffer', '-flags', 'low_delay', '-analyzeduration', '2000000'];
  switch (inputKind(config.input)) {
    case 'v4l2':
      return [
        ...['-f', 'v4l2', '-input_format', mode === 'copy' ? 'mjpeg' : 'yuyv422'],
        ...['-video_size', `${config.widthPixels}x${config.heightPixels}`],
        ...['-framerate', String(config.framesPerSecond), '-fflags', 'nobuffer'],
      ];
    case 'rtsp':
      // Before ffmpeg 5 `-timeout` made it wait for a caller, and the time-out was `-stimeout`.
      return [
        ...[...live, '-rtsp_transport', 'tcp'],
        ...[majorVersion < 5 ? '-stimeout' : '-timeout', timeoutMicroseconds],
      ];
    case 'http':
      return [...live, '-rw_timeout', timeoutMicroseconds];
    case 'stream':
      return live;
    case 'file':
      return [...(config.realTime ? ['-re'] : []), ...(config.loop ? ['-stream_loop', '-1'] : [])];
  }
}

/**
 * At most `framesPerSecond`, by media time, without doubling frames as the `fps` filter would: one
 * frame a slot, the slots centred on multiples of the interval so that jitter skips none (0.49: a
 * frame on the border belongs to the slot before). At most the configured size, shape kept.
 */
function filters(config: FfmpegConfig): string {
  const slot = (time: string) => `floor(${time}*${config.framesPerSecond}+0.49)`;
  return [
    `select='isnan(prev_selected_t)+gt(${slot('t')},${slot('prev_selected_t')})'`,
    `scale=w='min(iw,${config.widthPixels})':h='min(ih,${config.heightPixels})'` +
      ':force_original_aspect_ratio=decrease',
  ].join(',');
}
