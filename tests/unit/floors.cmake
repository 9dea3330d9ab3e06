# SPDX-License-Identifier: Apache-2.0
# The floors and the style as tests (tests/floors/README.md). The pure archives are those that cw_library(... PURE) named.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
get_property(pure GLOBAL PROPERTY CW_PURE_LIBRARIES)
set(archives)
foreach(lib ${pure})
  list(APPEND archives $<TARGET_FILE:${lib}>)
endforeach()
set(floors ${CMAKE_CURRENT_SOURCE_DIR}/floors)

add_test(NAME floors.includes COMMAND ${Python3_EXECUTABLE} ${floors}/includes.py ${CMAKE_SOURCE_DIR})
add_test(NAME floors.reasons COMMAND ${Python3_EXECUTABLE} ${floors}/reasons.py ${CMAKE_SOURCE_DIR})
add_test(NAME floors.symbols COMMAND ${Python3_EXECUTABLE} ${floors}/symbols.py --nm ${CMAKE_NM} ${archives})
add_test(NAME floors.selftest COMMAND ${Python3_EXECUTABLE} ${floors}/selftest.py ${CMAKE_C_COMPILER} ${CMAKE_AR} ${CMAKE_NM})
set_tests_properties(floors.includes floors.reasons floors.symbols floors.selftest PROPERTIES LABELS "floors;unit" TIMEOUT 120
  ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
foreach(which format files shell)
  add_test(NAME style.${which} COMMAND ${Python3_EXECUTABLE} ${floors}/style.py ${CMAKE_SOURCE_DIR} ${which})
  set_tests_properties(style.${which} PROPERTIES LABELS "style;unit" TIMEOUT 120 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endforeach()
