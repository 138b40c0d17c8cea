package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joho/godotenv"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// Options are the settings of an installation as texts, so that all that is
// wrong with them can be named together. The tags are kong's: a flag wins over
// the environment, which wins over the file .env.
type Options struct {
	Backtests      string `name:"backtests" env:"LUNOBOT_BACKTESTS" default:"2" help:"Backtests that run at once in this process."`
	BaseURL        string `name:"base-url" env:"LUNOBOT_BASE_URL" help:"Address under which browsers see the pages, such as https://bots.example.com."`
	Catalog        string `name:"plans" env:"LUNOBOT_PLANS" help:"YAML file with the plans on offer."`
	DataDir        string `name:"data-dir" env:"LUNOBOT_DATA_DIR" default:"${data_dir}" help:"Folder of the database file and all else that is kept."`
	DatabaseURL    string `name:"database-url" env:"DATABASE_URL" help:"sqlite:///path or postgresql://…; by default a SQLite file in the data folder."`
	DemoSeed       string `name:"demo-seed" env:"LUNOBOT_DEMO_SEED" default:"1" help:"Seed of the demo market."`
	DemoSpeed      string `name:"demo-speed" env:"LUNOBOT_DEMO_SPEED" default:"60" help:"Minutes of the demo market in one minute."`
	Env            string `name:"env" env:"LUNOBOT_ENV" default:"development" help:"development or production."`
	HistoryDir     string `name:"history-dir" env:"LUNOBOT_HISTORY_DIR" help:"Folder of the store of candles that backtests read; by default \"history\" in the data folder."`
	Lease          string `name:"lease" env:"LUNOBOT_LEASE" default:"10s" help:"How long bots stay with a worker that gives no sign of life."`
	LogLevel       string `name:"log-level" env:"LUNOBOT_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LunoAddress    string `name:"luno-address" env:"LUNOBOT_LUNO_ADDRESS" default:"https://api.luno.com" help:"Where Luno is: its own address, or a simulated one on this machine."`
	LunoKeyID      string `name:"luno-key-id" env:"LUNOBOT_LUNO_KEY_ID" help:"With --market luno: id of an API key of yours, which candles and streams are read with; one without any right to trade will do."`
	LunoSecret     string `name:"luno-key-secret" env:"LUNOBOT_LUNO_KEY_SECRET" help:"Its secret. Better left in the environment or .env, where a list of processes does not show it."`
	Market         string `name:"market" env:"LUNOBOT_MARKET" default:"demo" help:"Where bots trade: demo, a replay of recorded candles; or luno, at its live prices."`
	NATS           string `name:"nats-url" env:"LUNOBOT_NATS_URL" help:"NATS server or cluster with JetStream that several processes share, such as nats://user:password@host:4222; by default a broker in this process."`
	NATSReplicas   string `name:"nats-replicas" env:"LUNOBOT_NATS_REPLICAS" default:"1" help:"Servers of the NATS cluster that keep each event."`
	Pairs          string `name:"pairs" env:"LUNOBOT_PAIRS" help:"With --market luno: pairs to offer, with commas between, such as XBTMYR,ETHMYR; by default all that are active."`
	PluginCPU      string `name:"plugin-cpu" env:"LUNOBOT_PLUGIN_CPU" default:"0.25" help:"Part of a core that a strategy's process may use while it is not called."`
	PluginDir      string `name:"plugin-dir" env:"LUNOBOT_PLUGIN_DIR" help:"Folder of the strategies that were put in; by default \"plugins\" in the data folder."`
	Sandbox        string `name:"plugin-sandbox" env:"LUNOBOT_PLUGIN_SANDBOX" default:"prefer" help:"Where strategies cannot be shut in wholly: require, prefer or off."`
	SigningKey     string `name:"signing-key" env:"LUNOBOT_SIGNING_KEY" help:"Key that signs tokens, 32 bytes or more in base64."`
	VaultKey       string `name:"vault-key" env:"LUNOBOT_VAULT_KEY" help:"Key that opens the tenants' exchange keys; a server beside workers must not have it."`
	VaultPublicKey string `name:"vault-public-key" env:"LUNOBOT_VAULT_PUBLIC_KEY" help:"Its other half, which seals them, for a server beside workers."`
}

// DataDir is where the server and the command line keep what they keep, unless
// another folder is asked for: the variable data_dir of the tags above.
const DataDir = "./lunobot-data"

// LoadDotEnv reads .env in the working directory, if there is one, into the
// environment; what is set there already stays.
func LoadDotEnv() error {
	if err := godotenv.Load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading .env: %w", err)
	}
	return nil
}

// Config returns the options as an App's configuration; the error names every
// faulty one.
func (o Options) Config(log *slog.Logger) (saas.Config, error) {
	var problems []error
	c := saas.Config{
		BaseURL: strings.TrimSuffix(o.BaseURL, "/"), DataDir: o.DataDir, DatabaseURL: o.DatabaseURL, HistoryDir: o.HistoryDir, PluginDir: o.PluginDir, Environment: saas.Environment(o.Env), Log: log,
		EventsURL: o.NATS, Secrets: saas.Secrets{Signing: vault.NewSecret(o.SigningKey), Vault: vault.NewSecret(o.VaultKey), VaultPublic: o.VaultPublicKey}, Strategies: Bundle(), Version: version(),
	}
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Path != "") {
		problems = append(problems, fmt.Errorf("LUNOBOT_BASE_URL %q is not of the form https://host", o.BaseURL))
	}
	if c.Environment != saas.Development && c.Environment != saas.Production {
		problems = append(problems, fmt.Errorf("LUNOBOT_ENV %q is neither development nor production", o.Env))
	}
	var err error
	if c.Backtests, err = strconv.Atoi(o.Backtests); err != nil || c.Backtests < 1 || c.Backtests > 1000 {
		problems = append(problems, fmt.Errorf("LUNOBOT_BACKTESTS %q is not a whole number from 1 to 1000", o.Backtests))
	}
	if c.DemoSeed, err = strconv.ParseUint(o.DemoSeed, 10, 64); err != nil || c.DemoSeed == 0 {
		problems = append(problems, fmt.Errorf("LUNOBOT_DEMO_SEED %q is not a whole number above 0", o.DemoSeed))
	}
	if c.DemoSpeed, err = strconv.ParseFloat(o.DemoSpeed, 64); err != nil || !(c.DemoSpeed > 0 && c.DemoSpeed <= demo.MaxSpeed) {
		problems = append(problems, fmt.Errorf("LUNOBOT_DEMO_SPEED %q is not a number above 0 and at most %d", o.DemoSpeed, demo.MaxSpeed))
	}
	if c.Lease, err = time.ParseDuration(o.Lease); err != nil || c.Lease < saas.MinLease {
		problems = append(problems, fmt.Errorf("LUNOBOT_LEASE %q is not a time of at least %s, such as 10s", o.Lease, saas.MinLease))
	}
	if c.EventsReplicas, err = strconv.Atoi(o.NATSReplicas); err != nil || c.EventsReplicas < 1 || c.EventsReplicas > 5 {
		problems = append(problems, fmt.Errorf("LUNOBOT_NATS_REPLICAS %q is not a whole number from 1 to 5", o.NATSReplicas))
	}
	for server := range strings.SplitSeq(o.NATS, ",") {
		if u, err := url.Parse(server); server != "" && (err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme)) {
			problems = append(problems, errors.New("LUNOBOT_NATS_URL is not of the form nats://host:4222, with several of them separated by commas")) // it may hold a password
			break
		}
	}
	if c.Processor.Share, err = strconv.ParseFloat(o.PluginCPU, 64); err != nil || !(c.Processor.Share > 0 && c.Processor.Share <= pluginhost.MaxShare) {
		problems = append(problems, fmt.Errorf("LUNOBOT_PLUGIN_CPU %q is not a number above 0 and at most %d", o.PluginCPU, pluginhost.MaxShare))
	}
	if c.Sandbox, err = sandbox.ParsePolicy(o.Sandbox); err != nil {
		problems = append(problems, fmt.Errorf("LUNOBOT_PLUGIN_SANDBOX: %w", err))
	}
	if _, err = luno.CheckAddress(o.LunoAddress, luno.Address, true); err != nil {
		problems = append(problems, fmt.Errorf("LUNOBOT_LUNO_ADDRESS: %w", err))
	}
	if c.Live, err = o.live(log); err != nil {
		problems = append(problems, err)
	}
	c.Venues = map[string]account.Venue{"luno": lunoVenue{address: o.LunoAddress, log: log}}
	if o.DatabaseURL != "" && !strings.HasPrefix(o.DatabaseURL, "sqlite://") && !strings.HasPrefix(o.DatabaseURL, "postgres://") && !strings.HasPrefix(o.DatabaseURL, "postgresql://") {
		problems = append(problems, errors.New("DATABASE_URL begins with neither sqlite:// nor postgresql://"))
	}
	if o.Catalog != "" {
		if c.Catalog, err = readCatalog(o.Catalog); err != nil {
			problems = append(problems, fmt.Errorf("LUNOBOT_PLANS: %w", err))
		}
	}
	return c, errors.Join(problems...)
}

// Logger returns the log of a host.
func (o Options) Logger(out *os.File) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		return nil, fmt.Errorf("LUNOBOT_LOG_LEVEL %q is not debug, info, warn or error", o.LogLevel)
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})), nil
}

func readCatalog(path string) (*billing.Catalog, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	c, err := billing.ReadCatalog(f)
	return c, errors.Join(err, f.Close())
}

// checkAddr reports what is wrong with an address to listen on, by its setting's name.
func checkAddr(name, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%s %q is not of the form host:port, such as 127.0.0.1:5000", name, addr)
	}
	return nil
}
