import { z } from 'zod';
import { milliseconds, name, probability, program, section } from '../fields.js';

/** Share of the width, the height or the pixels of an image, 0..1. */
const share = z.number().min(0).max(1);
const point = z.tuple([share, share]).describe('[x, y] from the upper left corner');
/** Sums of decimal fractions (0.3 + 0.7) may exceed 1 by a rounding error. */
const ROUNDING = 1e-9;

/** Most regions of one camera. */
const MAX_REGIONS = 32;
/**
 * No board serves so many; each has a process and memory of its own. Whether a board serves those that it
 * has is measured while it runs.
 */
const MAX_CAMERAS = 64;
/** Of Linux, without the NUL at its end. */
const MAX_SOCKET_PATH_BYTES = 107;

const box = {
  left: share,
  top: share,
  width: z.number().min(0.01).max(1),
  height: z.number().min(0.01).max(1),
};
type Box = z.infer<z.ZodObject<typeof box>>;

const insideImage = <S extends z.ZodType<Box>>(schema: S) =>
  schema
    .refine(({ left, width }) => left + width <= 1 + ROUNDING, 'left + width must not exceed 1')
    .refine(({ top, height }) => top + height <= 1 + ROUNDING, 'top + height must not exceed 1');

/** Processing of the images of any camera before anything else uses them. */
const pictureSettings = {
  crop: insideImage(z.strictObject(box))
    .nullable()
    .default(null)
    .describe('Part of the image to keep, in fractions of its width and height'),
  regions: z
    .union([
      z
        .array(insideImage(z.strictObject({ name: name('Name of the region'), ...box })))
        .max(MAX_REGIONS)
        .refine(
          (regions) => new Set(regions.map((region) => region.name)).size === regions.length,
          'two regions have the same name',
        ),
      z
        .strictObject({
          columns: z.int().min(1).max(MAX_REGIONS),
          rows: z.int().min(1).max(MAX_REGIONS),
        })
        .refine(
          ({ columns, rows }) => columns * rows <= MAX_REGIONS,
          `a grid has at most ${MAX_REGIONS} regions`,
        ),
    ])
    .default([])
    .describe(
      'Parts of the kept image that are decided on one by one: boxes with names, in fractions of its width and height, or a grid of columns and rows, named 1, 2, … row by row',
    ),
  masks: z
    .array(z.array(point).min(3).max(64))
    .max(16)
    .default([])
    .describe('Polygons to black out first, as shares of the whole image'),
  jpegQuality: z
    .int()
    .min(50)
    .max(100)
    .default(90)
    .describe('JPEG quality of images encoded by headland (cut or masked) and by rpicam'),
  onlyWhenMoving: z
    .strictObject({
      pixelChange: z
        .number()
        .min(0.01)
        .max(1)
        .default(0.06)
        .describe(
          'Minimum change of brightness, as a share of full scale, for a place to count as changed',
        ),
      share: z
        .number()
        .min(0)
        .max(1)
        .default(0.01)
        .describe('Minimum share of the visible image that must have changed'),
      keepAliveMs: milliseconds(100, 86_400_000)
        .default(10_000)
        .describe('Longest time without a frame while the scene is still'),
    })
    .nullable()
    .default(null)
    .describe('Skip images in which nothing has changed since the last frame; null = skip none'),
  quality: section(
    {
      intervalMs: milliseconds(0, 86_400_000)
        .default(30_000)
        .describe('Interval between measurements of brightness, colour and sharpness; 0 = never'),
      darkLuma: probability
        .default(0.06)
        .describe('Mean brightness below which an image counts as dark'),
      overexposedShare: probability
        .default(0.5)
        .describe('Share of saturated pixels above which an image counts as overexposed'),
      blurredRatio: probability
        .default(0.35)
        .describe("Share of the camera's usual sharpness below which an image counts as blurred"),
    },
    'How a dirty lens, darkness and overexposure are detected',
  ),
};

const cameraBase = {
  name: name('Name of the camera: appears in topics, logs and samples').default('main'),
  stallMs: milliseconds(200, 600_000)
    .default(10_000)
    .describe('After this time without a frame the camera is reopened'),
  ...pictureSettings,
};

const exposureMicroseconds = z
  .int()
  .min(1)
  .max(10_000_000)
  .nullable()
  .default(null)
  .describe('Fixed exposure time; null = the camera decides');

const autoCamera = z
  .strictObject({ driver: z.literal('auto'), ...cameraBase })
  .describe(
    'A CSI camera through rpicam, else the first /dev/video* through ffmpeg, else simulated',
  );

const ffmpegCamera = z
  .strictObject({
    driver: z.literal('ffmpeg'),
    ...cameraBase,
    input: z
      .string()
      .min(1)
      .default('/dev/video0')
      .describe('V4L2 device, file, or any URL that ffmpeg opens (rtsp://, http://)'),
    inputFormat: z
      .enum(['auto', 'v4l2-mjpeg', 'v4l2-yuyv'])
      .default('auto')
      .describe('V4L2 pixel format; auto asks for MJPEG, which is passed through untouched'),
    widthPixels: z.int().min(16).max(4096).default(640),
    heightPixels: z.int().min(16).max(4096).default(480),
    framesPerSecond: z.number().min(0.01).max(120).default(10),
    realTime: z
      .boolean()
      .default(true)
      .describe('Read files at their own pace instead of as fast as possible'),
    loop: z.boolean().default(false).describe('Restart the file when it ends'),
    exposureMicroseconds: exposureMicroseconds.describe(
      'V4L2: fixed exposure time, in steps of 100; null = leave the setting of the camera',
    ),
    v4l2Controls: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'use a name that `v4l2-ctl --list-ctrls` lists'),
        z.int(),
      )
      .default({})
      .describe('V4L2: set through v4l2-ctl, in this order, each time the camera is opened'),
  })
  .describe('A long-lived ffmpeg process: V4L2, RTSP, HTTP, video files');

const rpicamCamera = z
  .strictObject({
    driver: z.literal('rpicam'),
    ...cameraBase,
    cameraIndex: z
      .int()
      .min(0)
      .max(15)
      .default(0)
      .describe('Index in the list of `rpicam-vid --list-cameras`'),
    widthPixels: z.int().min(16).max(4096).default(640),
    heightPixels: z.int().min(16).max(4096).default(480),
    framesPerSecond: z.number().min(0.01).max(120).default(10),
    exposureMicroseconds,
    gain: z
      .number()
      .min(1)
      .max(64)
      .nullable()
      .default(null)
      .describe('Fixed gain; null = automatic'),
    exposureCompensation: z
      .number()
      .min(-10)
      .max(10)
      .default(0)
      .describe('In stops, while automatic'),
    lensPosition: z
      .number()
      .min(0)
      .max(32)
      .nullable()
      .default(null)
      .describe('Fixed focus in dioptres (1 / metres), for a lens that moves; null = autofocus'),
    rotationDegrees: z.literal([0, 180]).default(0),
    horizontalFlip: z.boolean().default(false),
    verticalFlip: z.boolean().default(false),
  })
  .describe('A CSI camera of a Raspberry Pi through rpicam-vid or libcamera-vid');

const webcamCamera = z
  .strictObject({
    driver: z.literal('webcam'),
    ...cameraBase,
    device: z
      .string()
      .regex(
        /^(\/dev\/video[0-9]{1,3}|TEST:[A-Za-z0-9_]*|FILE:[A-Za-z0-9_./-]+)$/,
        'use /dev/video<number>, TEST: or FILE:<path>',
      )
      .default('/dev/video0')
      .describe('Device as fswebcam names it'),
    widthPixels: z.int().min(16).max(4096).default(640),
    heightPixels: z.int().min(16).max(4096).default(480),
    intervalMs: milliseconds(100, 86_400_000).default(2_000),
    timeoutMs: milliseconds(500, 120_000)
      .default(15_000)
      .describe('An image that takes longer counts as a stall, and fswebcam is killed'),
  })
  .describe('Still pictures through node-webcam and fswebcam');

const pipeCamera = z
  .strictObject({
    driver: z.literal('pipe'),
    ...cameraBase,
    socket: z
      .string()
      .regex(/^\/[^\0]*$/, 'use an absolute path')
      .refine((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES, {
        message: `the path of a socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`,
      })
      .nullable()
      .default(null)
      .describe('Unix socket on which headland listens for one program after another'),
    access: z
      .enum(['owner', 'group', 'all'])
      .default('group')
      .describe('Who may send to the socket: the user of the daemon, its group too, or everybody'),
    command: program
      .nullable()
      .default(null)
      .describe('Program that headland starts, instead of a socket; it writes to standard output')
      .meta({ onlyByHand: true }),
    maxImageBytes: z
      .int()
      .min(1_024)
      .max(67_108_864)
      .default(16_777_216)
      .describe('A longer image ends the stream'),
  })
  .refine(({ socket, command }) => (socket === null) !== (command === null), {
    message: 'give one of "socket" and "command"',
  })
  .describe('JPEGs with their lengths from another program: a socket, or the output of a command');

const replayCamera = z
  .strictObject({
    driver: z.literal('replay'),
    ...cameraBase,
    path: z.string().min(1).describe('Folder of photos, folder of class folders, or a video file'),
    intervalMs: milliseconds(0, 86_400_000)
      .default(100)
      .describe('Time between images; 0 = as fast as they are classified'),
    loop: z.boolean().default(true),
    shuffleSeed: z
      .int()
      .min(0)
      .nullable()
      .default(null)
      .describe('Seed of a random order; null = sorted by name'),
    groupPattern: z
      .string()
      .nullable()
      .default(null)
      .describe('Regular expression for file names; its captures name the group of an image'),
  })
  .describe('Replays recorded images at the pace of a camera');

const simulatedCamera = z
  .strictObject({
    driver: z.literal('simulated'),
    ...cameraBase,
    seed: z.int().min(0).default(1),
    widthPixels: z.int().min(64).max(1920).default(640),
    heightPixels: z.int().min(64).max(1080).default(480),
    intervalMs: milliseconds(0, 60_000).default(200),
    newWeedAfterFrames: z
      .int()
      .min(0)
      .default(600)
      .describe('Frame from which a new kind of weed appears; 0 = never'),
    startFrame: z.int().min(0).default(0),
    wheelTrack: z
      .boolean()
      .default(false)
      .describe(
        'Draw a wheel track in the left 40 % of the image, free or blocked, and plants beside it only',
      ),
  })
  .describe(
    'Simulated: a seeded drawing of a field with crops, weeds, obstacles and changing light',
  );

/** One camera: the settings of its driver and those that all cameras share. */
const camera = z.discriminatedUnion('driver', [
  autoCamera,
  ffmpegCamera,
  rpicamCamera,
  webcamCamera,
  pipeCamera,
  replayCamera,
  simulatedCamera,
]);

/** Where no camera is written: one that is found. */
export const IMPLIED_CAMERAS: { driver: 'auto' }[] = [{ driver: 'auto' }];

/** At least one camera; their names must differ. */
export const cameras = z
  .array(camera)
  .min(1)
  .max(MAX_CAMERAS)
  .prefault(IMPLIED_CAMERAS)
  .describe('One entry per camera; names must differ');

export const cameraBackoff = section(
  {
    initialMs: milliseconds(10, 60_000).default(500),
    maxMs: milliseconds(100, 600_000).default(30_000),
  },
  'Full-jitter back-off between attempts to reopen a camera; attempts never end',
);
