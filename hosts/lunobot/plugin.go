package main

// pluginCommand is what authors and operators do with strategies that are
// programs of their own.
type pluginCommand struct {
	Check pluginCheckCommand `cmd:"" help:"Check a plugin's file as a host relies on it."`
	New   pluginNewCommand   `cmd:"" help:"Begin a strategy of your own: a module that builds and passes its tests."`
}
