package saas_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// TestMain lets the test binary be what the tests start: the process of a
// strategy, one of the processes of TestGateConcurrent or TestThrottleShared, and a
// worker of TestKillPoints.
func TestMain(m *testing.M) {
	oddBundle().ServeIfChild()
	if os.Getenv(creatorEnv) != "" {
		os.Exit(runCreator())
	}
	if os.Getenv(callerEnv) != "" {
		os.Exit(runCaller())
	}
	if os.Getenv(traderEnv) != "" {
		os.Exit(runTrader())
	}
	if os.Getenv(liveServerEnv) != "" {
		os.Exit(runLiveServer())
	}
	// The tests of this package wait most of the time, for processes, leases and clocks:
	// more of them at once than there are processors.
	flag.Parse()
	if p := flag.Lookup("test.parallel"); p.Value.String() == p.DefValue {
		_ = p.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))) // a number is one that it takes
	}
	dbtest.Main(m, shared.remove)
}

func bundle() plugin.Bundle {
	b, err := plugin.NewBundle(basic.Definition(), grid.Definition(), rebalance.Definition(), rules.Definition())
	if err != nil {
		panic(err)
	}
	return b
}
