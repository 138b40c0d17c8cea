package saas_test

import (
	"os"
	"testing"

	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
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
	dbtest.Main(m, shared.remove)
}

func bundle() plugin.Bundle {
	b, err := plugin.NewBundle(basic.Definition(), rebalance.Definition())
	if err != nil {
		panic(err)
	}
	return b
}
