/* The views of the network, in order. */

export const TABS = ["walk", "map", "training", "replies", "file"];
