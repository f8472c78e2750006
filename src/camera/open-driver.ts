import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Log } from '../base/log.js';
import type { CameraConfig } from '../config/schema.js';
import type { CameraDriver } from './camera.js';
import { FfmpegDriver } from './drivers/ffmpeg.js';
import { PipeDriver } from './drivers/pipe/pipe.js';
import { ReplayDriver } from './drivers/replay.js';
import { findCsiCameras, listCsiCameras, RpicamDriver } from './drivers/rpicam.js';
import { WebcamDriver } from './drivers/webcam.js';
import { SimulatedDriver } from './simulated/simulated-camera.js';

/** A camera configuration with a concrete driver. */
export type ResolvedCameraConfig = Exclude<CameraConfig, { driver: 'auto' }>;

/** Directories in which Linux lists video devices; tests use others. */
export interface VideoDevicePlaces {
  sysDir: string;
  devDir: string;
}

export const LINUX_PLACES: VideoDevicePlaces = { sysDir: '/sys/class/video4linux', devDir: '/dev' };

/**
 * Settings for the first camera of this machine: a CSI camera that rpicam lists, else a video
 * device for ffmpeg, else the simulation.
 */
export function detectCamera(
  places: VideoDevicePlaces = LINUX_PLACES,
): { driver: 'rpicam' | 'ffmpeg' | 'simulated' } & Record<string, unknown> {
  const [cameraIndex] = findCsiCameras();
  if (cameraIndex !== undefined) return { driver: 'rpicam', cameraIndex };
  const [input] = findCameraDevices(places);
  return input === undefined ? { driver: 'simulated' } : { driver: 'ffmpeg', input };
}

/**
 * Lists video devices that any program can capture from: capture nodes on USB (index 0; a UVC
 * camera has a second node for metadata) and virtual ones (v4l2loopback). A board's own video nodes
 * are left out: they are codecs, scalers or raw sensors, which need rpicam or the vendor's
 * software.
 *
 * @returns paths, lowest number first
 */
export function findCameraDevices(places: VideoDevicePlaces = LINUX_PLACES): string[] {
  const { sysDir, devDir } = places;
  if (!existsSync(sysDir)) return [];
  return readdirSync(sysDir)
    .flatMap((node) => {
      const number = /^video([0-9]{1,3})$/.exec(node)?.[1];
      return number === undefined ? [] : [{ node, number: Number(number) }];
    })
    .sort((one, other) => one.number - other.number)
    .filter(({ node }) => isCaptureNode(join(sysDir, node)))
    .map(({ node }) => join(devDir, node))
    .filter((device) => existsSync(device));
}

/** A camera of this machine, and the settings that open it. */
export interface FoundCamera {
  settings: { driver: 'rpicam'; cameraIndex: number } | { driver: 'ffmpeg'; input: string };
  /** For people: what the camera calls itself. */
  description: string;
}

/** All cameras of this machine, CSI cameras first. Takes about half a second on a Raspberry Pi. */
export async function findCameras(
  places: VideoDevicePlaces = LINUX_PLACES,
): Promise<FoundCamera[]> {
  const csi = (await listCsiCameras()).map((cameraIndex): FoundCamera => {
    return {
      settings: { driver: 'rpicam', cameraIndex },
      description: `CSI camera ${cameraIndex}`,
    };
  });
  const devices = findCameraDevices(places).map((input): FoundCamera => {
    const description = deviceName(input, places) ?? input;
    return { settings: { driver: 'ffmpeg', input }, description };
  });
  return [...csi, ...devices];
}

function deviceName(device: string, { sysDir }: VideoDevicePlaces): string | null {
  try {
    return readFileSync(join(sysDir, basename(device), 'name'), 'utf8').trim() || null;
  } catch {
    // Unplugged since it was listed.
    return null;
  }
}

function isCaptureNode(directory: string): boolean {
  try {
    if (readFileSync(join(directory, 'index'), 'utf8').trim() !== '0') return false;
    if (!existsSync(join(directory, 'device'))) return true;
    return realpathSync(join(directory, 'device', 'subsystem')).endsWith('/usb');
  } catch {
    // Unplugged since it was listed.
    return false;
  }
}

/** Creates the driver of a camera without opening the camera. */
export function createDriver(config: ResolvedCameraConfig, { log }: { log: Log }): CameraDriver {
  switch (config.driver) {
    case 'ffmpeg':
      return new FfmpegDriver(config, log);
    case 'rpicam':
      return new RpicamDriver(config);
    case 'webcam':
      return new WebcamDriver(config);
    case 'pipe':
      return new PipeDriver(config);
    case 'replay':
      return new ReplayDriver(config, log);
    case 'simulated':
      return new SimulatedDriver(config);
  }
}
