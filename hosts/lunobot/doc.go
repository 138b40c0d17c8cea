// Command lunobot is the command line of operators and authors: it runs
// backtests, describes strategies, begins and checks plugins,
// brings a database up to date, serves a simulated Luno and creates administrators.
//
// It owns the reading of flags, the wording of problems and the exit codes: 0
// for success, 1 for a failure, 2 for wrong input, 130 when interrupted. It
// does not own any rule: those are the packages' that it calls.
package main
