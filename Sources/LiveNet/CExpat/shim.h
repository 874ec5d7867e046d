// The XML parser. Declared here so that Swift imports expat as the module CExpat.
#pragma once
#include <expat.h>
