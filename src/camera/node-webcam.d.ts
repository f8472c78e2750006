/** The part of node-webcam 0.8 that is used; the package carries no types. */
declare module 'node-webcam' {
  interface WebcamOptions {
    width: number;
    height: number;
    /** JPEG quality, 0 to 95. */
    quality: number;
    output: 'jpeg' | 'png';
    device: string;
    callbackReturn: 'location' | 'buffer' | 'base64';
    saveShots: boolean;
    verbose: boolean;
    /** Frames to let pass before the picture. */
    skip: number;
  }
  interface Webcam {
    /** The program, as it begins the shell command. */
    bin: string;
    capture(location: string, callback: (error: Error | null, location?: string) => void): void;
  }
  const NodeWebcam: { FSWebcam: new (options: WebcamOptions) => Webcam };
  export default NodeWebcam;
}
