// Package site has the commands that work on a pack: all of packlift-import's,
// and packlift-export's update, which brings a connected pack up by the same
// session, window, decisions and reports, with what it applies made from a depot.
package site
