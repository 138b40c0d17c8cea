package main

// pluginCommand is what authors and operators do with strategies that are
// programs of their own.
type pluginCommand struct {
	Check pluginCheckCommand `cmd:"" help:"Check a plugin's file as a host relies on it."`
	New   pluginNewCommand   `cmd:"" help:"Begin a strategy of your own: a module that builds and passes its tests."`

	Install   pluginInstallCommand   `cmd:"" help:"Put a plugin's file into an installation's catalog, not approved."`
	Approve   pluginApproveCommand   `cmd:"" help:"Let tenants use a version that was put in."`
	Revoke    pluginRevokeCommand    `cmd:"" help:"Take an approval back: the version's bots pause within seconds."`
	Isolation pluginIsolationCommand `cmd:"" help:"Set what the bots of a version must have at least of processes of their own."`
	List      pluginListCommand      `cmd:"" help:"List the versions that were put in."`
	Log       pluginLogCommand       `cmd:"" help:"Show who changed what in the catalog."`
	Remove    pluginRemoveCommand    `cmd:"" help:"Remove a version that no bot is pinned to, and its file."`
}
