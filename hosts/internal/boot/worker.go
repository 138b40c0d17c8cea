package boot

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// workerOptions are the worker's flags.
type workerOptions struct {
	Options
	Addr string `name:"addr" env:"LUNOBOT_WORKER_ADDR" default:"127.0.0.1:5010" help:"Address to answer load balancers on, at /health and /ready."`
}

// Worker runs a worker until it is asked to stop (SIGINT, SIGTERM), which gives its
// bots to the others, and returns the exit code: 2 for settings that cannot be used, 1
// for a failure. The shim is what sandbox.Serve returned in main.
func Worker(shim sandbox.Shim, args []string, out, problems *os.File) int {
	var o workerOptions
	return host{
		name: "worker", text: "Lunobot: runs bots and jobs beside servers on other machines.", dataDir: "./lunobot-worker-data",
		options: &o, shared: &o.Options, addr: &o.Addr, addrName: "LUNOBOT_WORKER_ADDR",
		configure: func(c *saas.Config) { c.Role, c.Shim = saas.Worker, shim },
		announce: func(_ context.Context, app *saas.App, base string, out io.Writer) error {
			_, err := fmt.Fprintf(out, "Worker is at    %s\nData lies in    %s\nDatabase        %s\n", base, app.DataDir(), app.DatabaseURL())
			return err
		},
		stopping: "Stopping: bots are checkpointed and handed over.",
	}.run(args, out, problems)
}
