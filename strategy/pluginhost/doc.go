// Package pluginhost starts strategies as processes and keeps them in hand.
//
// It owns the sources (name, version, manifest, SHA-256), which may come and go
// while it runs and of which there may be several versions, the launch with an empty
// environment, a private directory and deadlines, the capture of what a plugin
// prints, health checks, the bound of its processor time, the detection of death and
// the back-off before the next start. It does not own the wire (package plugin), what the commands of a
// strategy are worth (package engine), nor which bots there are: who shares a
// process with whom is the caller's choice, by the key that it asks with.
//
// A process that dies, hangs, computes without end or answers garbage is ended, and each of its calls
// returns an *Error that names the plugin and the cause (rule PL5). The caller
// asks for a process again, which waits out the back-off, and opens its bots
// from their last snapshots.
//
// Smallest use:
//
//	host, err := pluginhost.New(pluginhost.Config{Sources: sources, Logger: logger})
//	defer host.Stop()
//	process, err := host.Process(ctx, "basic", "shared")
//	opened, err := process.Open(ctx, []strategy.OpenInput{{Market: m, Interval: time.Minute}})
//	err = process.Live(ctx, round)
package pluginhost
