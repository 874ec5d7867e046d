// The event loop. Declared here so that Swift imports libuv as the module CUV.
#pragma once
#include <uv.h>
