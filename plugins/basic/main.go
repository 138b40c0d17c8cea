// Command basic is the moving-average cross as a plugin: the folder to copy for one of your own.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(basic.Definition().WithGuide(guide)) }
