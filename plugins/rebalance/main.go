// Command rebalance keeps a share of the account in one currency, as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(rebalance.Definition()) }
