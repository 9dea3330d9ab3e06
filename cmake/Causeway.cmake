# SPDX-License-Identifier: Apache-2.0
# What every folder needs: libraries, warnings, and the two helpers
#   cw_library(NAME [PURE] USES lib...)   a floor: every *.c of the folder as a static archive
#   cw_test(...)                          see tests/CMakeLists.txt

find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent)
pkg_check_modules(LIBEVENT_PTHREADS REQUIRED IMPORTED_TARGET libevent_pthreads)
pkg_check_modules(LIBYANG REQUIRED IMPORTED_TARGET libyang)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LIBMNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(LIBCURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)

option(CAUSEWAY_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)

add_library(cw_flags INTERFACE)
target_compile_definitions(cw_flags INTERFACE _GNU_SOURCE)
target_include_directories(cw_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(cw_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wvla -Wformat=2 -Wundef -Wwrite-strings -Wimplicit-fallthrough -Wswitch-enum
  -fno-strict-aliasing -fno-common)

function(cw_library name)
  cmake_parse_arguments(A "PURE" "" "USES" ${ARGN})
  file(GLOB srcs CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(cw_${name} STATIC ${srcs})
  target_link_libraries(cw_${name} PUBLIC cw_flags ${A_USES})
  if(A_PURE)
    set_property(GLOBAL APPEND PROPERTY CW_PURE_LIBRARIES cw_${name})
  endif()
endfunction()
