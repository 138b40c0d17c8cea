package saas

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// Environment says how careful a start is.
type Environment string

// The environments.
const (
	// Development makes missing secrets and keeps them in the data folder.
	Development Environment = "development"
	// Production refuses to start without secrets.
	Production Environment = "production"
)

// Config says what an App is made of. The zero value, with strategies, is a
// whole installation on embedded defaults.
type Config struct {
	// Backtests is how many backtests this process runs at once. Defaults to 2.
	Backtests int
	// BaseURL is the address under which browsers see the pages. Its scheme
	// says whether cookies are bound to https. Defaults to the address of each
	// request, without https.
	BaseURL string
	// Catalog is the plans on offer. Defaults to billing.DefaultCatalog.
	Catalog *billing.Catalog
	// ClientIP finds the address that a request came from. Defaults to the
	// connection's, which is wrong behind a proxy.
	ClientIP func(r *http.Request) string
	// DataDir is the folder of the database file, the broker and, in
	// development, the secrets. Defaults to ./lunobot-data.
	DataDir string
	// DatabaseURL is the database's address; see db.Config. Defaults to a
	// SQLite file in DataDir.
	DatabaseURL string
	// DemoSeed and DemoSpeed are the demo market's; see demo.Config. They
	// default to its defaults.
	DemoSeed  uint64
	DemoSpeed float64
	// Environment defaults to Development.
	Environment Environment
	// EventsReplicas is how many servers of a NATS cluster keep each event. Defaults
	// to 1.
	EventsReplicas int
	// EventsURL is the address of a NATS server or cluster with JetStream, such as
	// nats://user:password@host:4222; several may follow each other with commas.
	// Defaults to a broker in this process, which no other one reaches.
	EventsURL string
	// HistoryDir is the folder of the store of candles, which backtests of all
	// tenants read and nothing here writes; processes on several machines share it,
	// or are each given the files. Defaults to DefaultHistoryDir of DataDir.
	HistoryDir string
	// Lease is how long a bot stays with a worker that gives no sign of life; then
	// another one takes it. Defaults to DefaultLease.
	Lease time.Duration
	// Live is the venue at whose live prices bots trade; fills on paper are simulated.
	// Defaults to none: bots trade in the demo market.
	Live *LiveMarket
	// Log is where everything is told. Defaults to none.
	Log *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// PluginDir is the folder of the strategies that operators put in; processes
	// on several machines share it, or are each given the files. Defaults to
	// DefaultPluginDir of DataDir.
	PluginDir string
	// Processor bounds the processor time of each process of a strategy. Its zero
	// values are their defaults.
	Processor pluginhost.Processor
	// Role is the part of the installation that this process is. Defaults to All.
	Role Role
	// Sandbox says what happens where the processes of strategies cannot be shut
	// in wholly. Defaults to sandbox.Prefer.
	Sandbox sandbox.Policy
	// Shim is what sandbox.Serve returned in the program's main, and shuts the
	// processes of strategies in. Defaults to none, of which the log warns.
	Shim sandbox.Shim
	// Secrets are the installation's keys. In development those that are
	// missing are made and kept in DataDir.
	Secrets Secrets
	// Strategies are the bundled strategies; at least one is required. The
	// program's main begins with their ServeIfChild.
	Strategies plugin.Bundle
	// Venues are the exchanges whose accounts tenants can connect, by name. Defaults
	// to none.
	Venues map[string]account.Venue
	// Version is the program's, for pages and documents. Defaults to "dev".
	Version string
}

func (c Config) withDefaults() Config {
	if c.Backtests == 0 {
		c.Backtests = 2
	}
	if c.Catalog == nil {
		c.Catalog = billing.DefaultCatalog()
	}
	if c.DataDir == "" {
		c.DataDir = "lunobot-data"
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite://" + filepath.Join(c.DataDir, "lunobot.db")
	}
	if c.DemoSeed == 0 {
		c.DemoSeed = demo.DefaultSeed
	}
	if c.DemoSpeed == 0 {
		c.DemoSpeed = demo.DefaultSpeed
	}
	if c.Environment == "" {
		c.Environment = Development
	}
	if c.HistoryDir == "" {
		c.HistoryDir = DefaultHistoryDir(c.DataDir)
	}
	if c.EventsReplicas == 0 {
		c.EventsReplicas = 1
	}
	if c.Lease == 0 {
		c.Lease = DefaultLease
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.PluginDir == "" {
		c.PluginDir = DefaultPluginDir(c.DataDir)
	}
	if c.Role == "" {
		c.Role = All
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return c
}

// DefaultLease is how long a bot stays with a silent worker that is not told
// otherwise; MinLease is the shortest that can be asked for.
const (
	DefaultLease = 10 * time.Second
	MinLease     = time.Second
)

// DefaultHistoryDir is where a data folder keeps the store of candles.
func DefaultHistoryDir(dataDir string) string { return filepath.Join(dataDir, archive.FolderName) }

// DefaultPluginDir is where a data folder keeps the strategies that operators
// put in.
func DefaultPluginDir(dataDir string) string { return filepath.Join(dataDir, "plugins") }

func (c Config) validate() error {
	var problems []error
	if c.Environment != Development && c.Environment != Production {
		problems = append(problems, fmt.Errorf("LUNOBOT_ENV %q is neither %s nor %s", c.Environment, Development, Production))
	}
	if c.Backtests < 0 {
		problems = append(problems, fmt.Errorf("LUNOBOT_BACKTESTS %d must be above 0", c.Backtests))
	}
	if !(c.DemoSpeed > 0 && c.DemoSpeed <= demo.MaxSpeed) {
		problems = append(problems, fmt.Errorf("LUNOBOT_DEMO_SPEED %v must be above 0 and at most %d", c.DemoSpeed, demo.MaxSpeed))
	}
	if c.EventsReplicas < 0 {
		problems = append(problems, fmt.Errorf("LUNOBOT_NATS_REPLICAS %d must be above 0", c.EventsReplicas))
	}
	if c.Lease < MinLease {
		problems = append(problems, fmt.Errorf("LUNOBOT_LEASE %s must be at least %s", c.Lease, MinLease))
	}
	problems = append(problems, c.checkRole())
	if err := c.Live.validate(); err != nil {
		problems = append(problems, err)
	}
	if len(c.Strategies.Definitions()) == 0 {
		problems = append(problems, errors.New("saas: Config.Strategies holds no strategy"))
	}
	return errors.Join(problems...)
}

// prepareDir makes the data folder and checks that files can be written there.
func (c Config) prepareDir() error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("the data folder %s cannot be made (LUNOBOT_DATA_DIR): %w", c.DataDir, err)
	}
	f, err := os.CreateTemp(c.DataDir, ".probe-*")
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be written (LUNOBOT_DATA_DIR): %w", c.DataDir, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
