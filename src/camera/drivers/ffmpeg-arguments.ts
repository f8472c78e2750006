import { redactAddress } from '../../base/redact.js';
import type { DriverConfig } from '../camera-settings.js';

export type FfmpegConfig = DriverConfig<'ffmpeg'>;

/** Kind of an input, by its text. It decides the options of ffmpeg and the meaning of its exit. */
export type InputKind = 'v4l2' | 'rtsp' | 'http' | 'stream' | 'file';

/** `copy` passes the camera's own JPEGs unchanged; `encode` decodes and re-encodes to MJPEG. */
export type FfmpegMode = 'copy' | 'encode';

/** How pictures are captured: by ffmpeg, or `scan`: extracted from the bytes of an HTTP camera. */
export type CaptureWay = FfmpegMode | 'scan';

/**
 * Decoders that ffmpeg may use on untrusted input: those of cameras and recordings. It would
 * otherwise also render SVG and open dozens of formats that no camera sends.
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
  // Audio is discarded, but ffmpeg must probe it to open the stream.
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
/** Protocols allowed for an address in a list: those of cameras and their transports. */
const PROTOCOLS =
  'pipe,fd,rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,httpproxy,crypto,rtmp,rtmps,rtmpt,srt';

export function inputKind(input: string): InputKind {
  if (input.startsWith('/dev/')) return 'v4l2';
  if (/^rtsps?:\/\//i.test(input)) return 'rtsp';
  if (/^https?:\/\//i.test(input)) return 'http';
  if (/^file:/i.test(input) || !/^[a-z][a-z0-9+.-]*:/i.test(input)) return 'file';
  return 'stream';
}

/** Capture ways to try, best first: the camera's own JPEGs are preferred. */
export function captureWays(config: FfmpegConfig): CaptureWay[] {
  const kind = inputKind(config.input);
  if (kind === 'v4l2') {
    if (config.inputFormat === 'v4l2-mjpeg') return ['copy'];
    return config.inputFormat === 'v4l2-yuyv' ? ['encode'] : ['copy', 'encode'];
  }
  return kind === 'http' ? ['copy', 'scan', 'encode'] : ['encode'];
}

/**
 * Arguments of a long-running ffmpeg that writes concatenated JPEGs to its standard output. No
 * shell is involved, and a value cannot become an option.
 *
 * @param majorVersion of the installed ffmpeg; Infinity for a build without a number
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
    // The new name came with 5.1; the old one was removed before 9.
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
 * Standard input of ffmpeg for an address with a secret: an ffconcat list of that one address. As
 * an argument, every user of the machine could see the secret. Null when the address holds no
 * secret, and before ffmpeg 5, whose lists do not support options.
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

/** Whether an address holds a secret: a login, or a query, which may contain one. */
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
  // Longer than the stall watchdog: only for an ffmpeg that outlives a killed daemon.
  const timeoutMicroseconds = String(2_000 * config.stallMs);
  switch (inputKind(config.input)) {
    case 'rtsp': {
      // Before ffmpeg 5, `timeout` made it listen for a connection; the time-out was `stimeout`.
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
 * Limits the frame rate by media time without duplicating frames, as the `fps` filter would: one
 * frame per slot. Slots are centred on multiples of the interval, so that jitter skips none (0.49:
 * a frame on the border belongs to the earlier slot). Limits the size and keeps the aspect ratio.
 */
function filters(config: FfmpegConfig): string {
  const slot = (time: string) => `floor(${time}*${config.framesPerSecond}+0.49)`;
  return [
    `select='isnan(prev_selected_t)+gt(${slot('t')},${slot('prev_selected_t')})'`,
    `scale=w='min(iw,${config.widthPixels})':h='min(ih,${config.heightPixels})'` +
      ':force_original_aspect_ratio=decrease',
  ].join(',');
}
