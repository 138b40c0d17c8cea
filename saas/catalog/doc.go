// Package catalog holds the strategies that an operator has put in beside those
// that the server contains: which file is which version, who let it in, and
// which of them may be used now.
//
// It owns the entries with their service and the interface of their store, the
// folder of the files, and the Shelf: what can be used in this process, kept in
// step with the store. It does not own the processes (package pluginhost) nor
// which bot runs which version (package bot).
//
// A file is described in the sandbox, copied to NAME/VERSION/SHA256 and entered
// as not approved; only an approved entry whose file still has its SHA-256 is
// offered to tenants and started. Versions of one name live side by side, and
// one cannot be removed while bots are pinned to it. Each change is written down
// with who made it in the same transaction, and told as an event.
//
// Smallest use:
//
//	entry, err := service.Install(ctx, catalog.InstallInput{Path: "./demo", By: "ada"})
//	entry, err = service.Approve(ctx, catalog.Ref{Name: "demo", Version: "1.0.0"}, "ada")
package catalog
