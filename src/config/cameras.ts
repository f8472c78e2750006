import { z } from 'zod';
import { milliseconds, name } from './fields.js';

const cameraBase = {
  name: name('Name of the camera: appears in topics, logs and samples').default('main'),
  stallMs: milliseconds(200, 600_000)
    .default(10_000)
    .describe('No frame for this long: the camera is closed and opened again'),
};

const autoCamera = z
  .strictObject({ driver: z.literal('auto'), ...cameraBase })
  .describe('The first /dev/video* through ffmpeg; without one, the simulation');

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
    loop: z.boolean().default(false).describe('Begin a file again at its end'),
  })
  .describe('A long-lived ffmpeg process: V4L2, RTSP, HTTP, video files');

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
      .describe('A picture that takes longer counts as a stall; fswebcam is killed'),
  })
  .describe('Still pictures through node-webcam and fswebcam');

const replayCamera = z
  .strictObject({
    driver: z.literal('replay'),
    ...cameraBase,
    path: z.string().min(1).describe('Folder of photos, folder of class folders, or a video file'),
    intervalMs: milliseconds(0, 86_400_000)
      .default(100)
      .describe('Time between pictures; 0 = as fast as they are taken'),
    loop: z.boolean().default(true),
    shuffleSeed: z
      .int()
      .min(0)
      .nullable()
      .default(null)
      .describe('Show pictures in the random order of this seed; null = by name'),
    groupPattern: z
      .string()
      .nullable()
      .default(null)
      .describe('Regular expression on the file name; its captures are the group of a picture'),
  })
  .describe('Recorded pictures as if they came from a camera');

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
      .describe('Frame at which a weed grows that was never seen before; 0 = never'),
    startFrame: z.int().min(0).default(0),
  })
  .describe('A seeded drawing of a field: crops, weeds, obstacles, changing light. Not real');

/** One camera: what its driver needs, and what all cameras share. */
export const camera = z.discriminatedUnion('driver', [
  autoCamera,
  ffmpegCamera,
  webcamCamera,
  replayCamera,
  simulatedCamera,
]);
