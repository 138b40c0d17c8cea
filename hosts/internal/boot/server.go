package boot

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// serverOptions are the server's flags.
type serverOptions struct {
	Options
	Addr string `name:"addr" env:"LUNOBOT_ADDR" default:"127.0.0.1:5000" help:"Address to listen on."`
	Role string `name:"role" env:"LUNOBOT_ROLE" default:"all" enum:"all,web" help:"all: a whole installation in one process; web: pages and API alone, beside workers."`
}

// Server runs the server until it is asked to stop (SIGINT, SIGTERM) and
// returns the exit code: 2 for settings that cannot be used, 1 for a failure. The
// shim is what sandbox.Serve returned in main.
func Server(shim sandbox.Shim, args []string, out, problems *os.File) int {
	var o serverOptions
	return host{
		name: "server", text: "Lunobot: trading bots for many tenants, in one process or beside workers.", dataDir: DataDir,
		options: &o, shared: &o.Options, addr: &o.Addr, addrName: "LUNOBOT_ADDR",
		configure: func(c *saas.Config) { c.Role, c.Shim = saas.Role(o.Role), shim },
		announce:  announce,
		stopping:  "Stopping: bots are checkpointed and go on at the next start.",
	}.run(args, out, problems)
}

// announce prints where everything is, and the link that makes the
// administrator as long as there is none.
func announce(ctx context.Context, app *saas.App, base string, out io.Writer) error {
	token, needed, err := app.Tenancy().AdminLink(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Lunobot is at   %s\nData lies in    %s\nDatabase        %s\n", base, app.DataDir(), app.DatabaseURL())
	if needed {
		fmt.Fprintf(out, "Administrator   %s/setup/%s\n                (works once, for an hour; a new link is printed at each start until there is an administrator)\n", base, token)
	}
	return nil
}

// version returns what the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}
	return info.Main.Version
}
