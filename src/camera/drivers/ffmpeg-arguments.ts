import { redactAddress } from '../../base/redact.js';
import type { DriverConfig } from '../camera-settings.js';

export type FfmpegConfig = DriverConfig<'ffmpeg'>;

/** What an input is, told by its text: each kind has its own options and its own end. */
export type InputKind = 'v4l2' | 'rtsp' | 'http' | 'stream' | 'file';

/** `copy` hands the camera's own JPEGs on untouched; `encode` decodes and encodes MJPEG. */
export type FfmpegMode = 'copy' | 'encode';

/** How pictures are had: through ffmpeg, or `scan`: looked for in whatever an HTTP camera sends. */
export type CaptureWay = FfmpegMode | 'scan';

/**
 * The decoders that ffmpeg may use on what comes from outside: those of cameras and recordings. It
 * would otherwise also draw SVG and open dozens of formats that no camera sends.
 */
const DECODERS = [
  'mjpeg',
  'png',
  'webp',
  'rawvideo',
  'h264',
  'hevc',
  'h263',
  'mpeg4',
  'mpeg1video',
  'mpeg2video',
  'mpegvideo',
  'msmpeg4',
  'msmpeg4v2',
  'flv',
  'wmv3',
  'vc1',
  'theora',
  'vp8',
  'vp9',
  'libvpx',
  'libvpx-vp9',
  'av1',
  'libdav1d',
  'libaom-av1',
  'ffv1',
  'huffyuv',
  'prores',
  'dnxhd',
  'dvvideo',
  'libopenh264',
  'h264_v4l2m2m',
  'hevc_v4l2m2m',
  // Sound is thrown away, but a stream is only known once its sound is.
  'aac',
  'mp3',
  'mp3float',
  'mp2',
  'mp2float',
  'ac3',
  'opus',
  'libopus',
  'vorbis',
  'flac',
  'pcm_mulaw',
  'pcm_alaw',
  'pcm_s16le',
  'pcm_s16be',
  'adpcm_g726',
  'adpcm_g726le',
  'g722',
].join(',');
const LIVE = ['-fflags', 'nobuffer', '-flags', 'low_delay'];
const ANALYZE_MICROSECONDS = '2000000';
/** What an address that is read from a list may lead to: what cameras speak, and what carries it. */
const PROTOCOLS =
  'pipe,fd,rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,httpproxy,crypto,rtmp,rtmps,rtmpt,srt';

export function inputKind(input: string): InputKind {
  if (input.startsWith('/dev/')) return 'v4l2';
  if (/^rtsps?:\/\//i.test(input)) return 'rtsp';
  if (/^https?:\/\//i.test(input)) return 'http';
  if (/^file:/i.test(input) || !/^[a-z][a-z0-9+.-]*:/i.test(input)) return 'file';
  return 'stream';
}

/** The ways to try, best first: where JPEGs may come from the camera itself, they are kept. */
export function captureWays(config: FfmpegConfig): CaptureWay[] {
  const kind = inputKind(config.input);
  if (kind === 'v4l2') {
    if (config.inputFormat === 'v4l2-mjpeg') return ['copy'];
    return config.inputFormat === 'v4l2-yuyv' ? ['encode'] : ['copy', 'encode'];
  }
  return kind === 'http' ? ['copy', 'scan', 'encode'] : ['encode'];
}

/**
 * The argument vector of a long-lived ffmpeg that writes JPEGs, one after the other, to its
 * standard output. Nothing passes through a shell, and a value cannot become an option.
 *
 * @param majorVersion of the installed ffmpeg; Infinity for a build without a number.
 */
export function ffmpegArguments(
  config: FfmpegConfig,
  mode: FfmpegMode,
  majorVersion: number,
): string[] {
  const output =
    mode === 'copy'
      ? ['-c:v', 'copy']
      : ['-vf', filters(config), '-c:v', 'mjpeg', '-q:v', '3', '-pix_fmt', 'yuvj420p'];
  return [
    '-hide_banner',
    '-nostdin',
    '-nostats',
    '-loglevel',
    'warning',
    '-codec_whitelist',
    DECODERS,
    ...(hiddenInput(config, majorVersion) === null
      ? [...inputOptions(config, mode, majorVersion), '-i', config.input]
      : [...LIVE, '-protocol_whitelist', PROTOCOLS, '-safe', '0', '-f', 'concat', '-i', 'pipe:0']),
    '-map',
    '0:v:0',
    '-an',
    '-sn',
    '-dn',
    ...output,
    // The new name came with 5.1, the old one went before 9.
    majorVersion < 6 ? '-vsync' : '-fps_mode',
    'passthrough',
    '-flush_packets',
    '1',
    '-f',
    'image2pipe',
    'pipe:1',
  ];
}

/**
 * What ffmpeg is to read from its standard input instead of an address with a secret in its
 * arguments, which everybody on the machine can see: a list (ffconcat) of that one address.
 * Null where the arguments hold no secret, and before ffmpeg 5, whose lists know no options.
 */
export function hiddenInput(config: FfmpegConfig, majorVersion: number): string | null {
  if (!holdsSecret(config.input) || majorVersion < 5) return null;
  const options = [
    ['analyzeduration', ANALYZE_MICROSECONDS],
    ...Object.entries(protocolOptions(config, majorVersion)),
  ];
  return [
    'ffconcat version 1.0',
    `file '${config.input.replaceAll("'", "'\\''")}'`,
    ...options.map(([name, value]) => `option ${name} ${value}`),
    '',
  ].join('\n');
}

/** Whether an address holds what must not be seen: a login, or a query, in which one may stand. */
export function holdsSecret(input: string): boolean {
  const kind = inputKind(input);
  return kind !== 'v4l2' && kind !== 'file' && redactAddress(input) !== input;
}

function inputOptions(config: FfmpegConfig, mode: FfmpegMode, majorVersion: number): string[] {
  switch (inputKind(config.input)) {
    case 'v4l2':
      return [
        '-f',
        'v4l2',
        '-input_format',
        mode === 'copy' ? 'mjpeg' : 'yuyv422',
        '-video_size',
        `${config.widthPixels}x${config.heightPixels}`,
        '-framerate',
        String(config.framesPerSecond),
        '-fflags',
        'nobuffer',
      ];
    case 'rtsp':
    case 'http':
    case 'stream':
      return [
        ...LIVE,
        '-analyzeduration',
        ANALYZE_MICROSECONDS,
        ...Object.entries(protocolOptions(config, majorVersion)).flatMap(([name, value]) => [
          `-${name}`,
          value,
        ]),
      ];
    case 'file':
      return [...(config.realTime ? ['-re'] : []), ...(config.loop ? ['-stream_loop', '-1'] : [])];
  }
}

function protocolOptions(config: FfmpegConfig, majorVersion: number): Record<string, string> {
  // Longer than the stall watchdog: it only ends an ffmpeg whose daemon was killed.
  const timeoutMicroseconds = String(2_000 * config.stallMs);
  switch (inputKind(config.input)) {
    case 'rtsp': {
      // Before ffmpeg 5 `timeout` made it wait for a caller, and the time-out was `stimeout`.
      const timeout = majorVersion < 5 ? 'stimeout' : 'timeout';
      return { rtsp_transport: 'tcp', [timeout]: timeoutMicroseconds };
    }
    case 'http':
      return { rw_timeout: timeoutMicroseconds };
    default:
      return {};
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
