import { isIPv4 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** Interfaces of containers and virtual machines, which a phone cannot reach. */
const VIRTUAL = /^(docker|br-|veth|virbr|vnet|lxc|lxd|podman|cni|flannel|cali|kube|tap|dummy)/;
/** Tunnels that only their members reach. */
const TUNNEL = /^(tun|wg|tailscale|zt|ppp|wwan)/;
const PRIVATE = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/;

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/**
 * Addresses of this machine under which another device may reach it, the one that a phone on the same
 * network most likely uses first. Link-local IPv6 addresses are left out: a browser cannot open them.
 */
export function lanAddresses(interfaces: Interfaces = networkInterfaces()): string[] {
  const found = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
      .map(({ address }) => ({ address, rank: rankOf(name, address) })),
  );
  // Sorting is stable: the kernel lists interfaces in their order.
  found.sort((a, b) => a.rank - b.rank);
  return [...new Set(found.map(({ address }) => address))];
}

function rankOf(name: string, address: string): number {
  const kind = VIRTUAL.test(name) ? 20 : TUNNEL.test(name) ? 10 : 0;
  if (!isIPv4(address)) return kind + 3;
  // 169.254: no server has given an address.
  if (address.startsWith('169.254.')) return kind + 2;
  return kind + (PRIVATE.test(address) ? 0 : 1);
}
