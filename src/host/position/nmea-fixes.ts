import { isPosition, type Position } from '../../base/geo/position.js';
import type { FixQuality, NmeaSentence } from './nmea-sentence.js';
import type { PositionReport } from './position-source.js';
import { accuracyOf } from './receiver-errors.js';

type Sentence<T extends NmeaSentence['type']> = Extract<NmeaSentence, { type: T }>;

/** What a receiver said about one moment. */
interface Epoch {
  utc: string;
  gga?: Sentence<'GGA'>;
  rmc?: Sentence<'RMC'>;
  gst?: Sentence<'GST'>;
  hdop?: number;
}

/**
 * Usual range error of 95 % by quality of the fix, meters: multiplied by the horizontal dilution, it
 * is the accuracy where the receiver sends no GST. 15 and 3.75 are what gpsd assumes.
 */
const RANGE_ERROR_METERS: Partial<Record<FixQuality, number>> = {
  1: 15,
  2: 3.75,
  3: 3.75,
  4: 0.05,
  5: 0.5,
};

const NO_FIX: PositionReport = { position: null };

/**
 * Joins the sentences of one moment to a position. A position is reported as soon as it is there; its
 * speed and accuracy may be those of the moment before, because receivers send them in any order.
 */
export class NmeaFixes {
  #last: Epoch = { utc: '' };
  #now: Epoch = { utc: '' };

  /** Null: the sentence says nothing new about the position. */
  push(sentence: NmeaSentence): PositionReport | null {
    if (sentence.type === 'GSA') {
      if (sentence.hdop !== null) this.#now.hdop = sentence.hdop;
      return null;
    }
    this.#turnTo(sentence.utc);
    switch (sentence.type) {
      case 'GGA':
        this.#now.gga = sentence;
        return this.#report();
      case 'RMC':
        this.#now.rmc = sentence;
        // A receiver that sends GGA too says more by it, in this moment or in the next sentence.
        return this.#now.gga || !this.#last.gga ? this.#report() : null;
      case 'GST':
        this.#now.gst = sentence;
        return this.#now.gga || this.#now.rmc ? this.#report() : null;
    }
  }

  #turnTo(utc: string): void {
    if (utc === this.#now.utc) return;
    this.#last = this.#now;
    this.#now = { utc };
  }

  #report(): PositionReport {
    const { gga, rmc } = this.#now;
    const isFix = gga === undefined || (gga.quality >= 1 && gga.quality <= 6);
    const place = gga?.place ?? rmc?.place ?? null;
    if (place === null || !isFix || (rmc !== undefined && rmc.place === null)) return NO_FIX;
    const motion = rmc ?? this.#last.rmc;
    const position: Position = {
      latitude: place.latitude,
      longitude: place.longitude,
      accuracyMeters: this.#accuracyMeters(),
      altitudeMeters: gga?.altitudeMeters ?? null,
      speedMetersPerSecond: motion?.speedMetersPerSecond ?? null,
      courseDegrees: motion?.courseDegrees ?? null,
    };
    return isPosition(position) ? { position } : NO_FIX;
  }

  #accuracyMeters(): number | null {
    const gst = this.#now.gst ?? this.#last.gst;
    if (gst !== undefined && gst.northMeters !== null && gst.eastMeters !== null) {
      return accuracyOf(gst.northMeters, gst.eastMeters);
    }
    const { gga } = this.#now;
    const rangeError = RANGE_ERROR_METERS[gga === undefined ? 1 : gga.quality];
    const hdop = gga?.hdop ?? this.#now.hdop ?? this.#last.hdop;
    return rangeError === undefined || hdop === undefined ? null : hdop * rangeError;
  }
}
