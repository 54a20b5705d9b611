# How .cu files are built: by nvcc for devices, by the C++ compiler for the emulated driver.

set(COPPICE_CUDA_ARCHITECTURES "90" CACHE STRING
    "Compute capabilities that the kernels are compiled for; PTX is added for the last one")

# Where the headers are that .cu files share.
set(COPPICE_KERNEL_HEADERS ${CMAKE_CURRENT_SOURCE_DIR}/src/main/cuda)

# Adds a target that compiles the .cu files into <build>/<name>.fatbin, where nvcc is.
function(coppice_add_fatbin name)
  find_program(COPPICE_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
  if(NOT COPPICE_NVCC)
    message(STATUS "nvcc was not found: the CUDA kernels are built for the emulated driver alone")
    return()
  endif()
  list(GET COPPICE_CUDA_ARCHITECTURES -1 newest)
  set(generate "")
  foreach(architecture IN LISTS COPPICE_CUDA_ARCHITECTURES)
    list(APPEND generate -gencode arch=compute_${architecture},code=sm_${architecture})
  endforeach()
  list(APPEND generate -gencode arch=compute_${newest},code=compute_${newest})
  set(fatbin ${CMAKE_BINARY_DIR}/${name}.fatbin)
  file(GLOB headers CONFIGURE_DEPENDS ${COPPICE_KERNEL_HEADERS}/*.cuh ${COPPICE_KERNEL_HEADERS}/ptx/*.cuh)
  # One translation unit: a fatbin is what one compilation gives.
  set(unit ${CMAKE_BINARY_DIR}/${name}.cu)
  set(includes "")
  foreach(source IN LISTS ARGN)
    string(APPEND includes "#include \"${source}\"\n")
  endforeach()
  file(CONFIGURE OUTPUT ${unit} CONTENT "${includes}" @ONLY)
  add_custom_command(
    OUTPUT ${fatbin}
    # What ptxas says of each kernel is kept for check_sass.sh.
    COMMAND sh -c "\"$@\" 2>${name}.ptxas || { cat ${name}.ptxas >&2; exit 1; }" nvcc
            ${COPPICE_NVCC} -std=c++17 -O3 -Werror all-warnings -Xptxas -v -I ${COPPICE_KERNEL_HEADERS}
            -I ${COPPICE_KERNEL_HEADERS}/ptx -fatbin
            ${generate} ${unit} -o ${fatbin}
    DEPENDS ${unit} ${ARGN} ${headers}
    VERBATIM)
  add_custom_target(${name}_fatbin ALL DEPENDS ${fatbin})
endfunction()

# Gives the names of a .cu file's kernels: extern "C" __global__ void [__launch_bounds__(..)] NAME(
function(coppice_kernel_names source out)
  file(READ ${source} text)
  string(REGEX MATCHALL "__global__ void[ \n]+(__launch_bounds__\\([0-9, ]*\\)[ \n]+)?[a-z0-9_]+\\(" headers
         "${text}")
  set(names "")
  foreach(header IN LISTS headers)
    string(REGEX REPLACE ".*[ \n]([a-z0-9_]+)\\($" "\\1" name "${header}")
    list(APPEND names ${name})
  endforeach()
  set(${out} ${names} PARENT_SCOPE)
endfunction()

# g++ does not unroll when told to. Each access to memory calls what preemption.cpp defines; that does not go with
# the address sanitizer.
set(COPPICE_EMULATED_OPTIONS -Wno-unknown-pragmas)
if(NOT COPPICE_SANITIZE)
  list(APPEND COPPICE_EMULATED_OPTIONS -fsanitize=thread -Wno-tsan --param=tsan-instrument-func-entry-exit=0)
endif()

# Gives a generated C++ file that compiles a .cu file for the emulator and registers its kernels.
function(coppice_emulated_source source out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  coppice_kernel_names(${source} names)
  file(READ ${source} text)
  set(REGISTRATIONS "")
  foreach(name IN LISTS names)
    set(threads 1024)  # where __launch_bounds__ does not say otherwise
    if(text MATCHES "__launch_bounds__\\(([0-9]+)[0-9, ]*\\)[ \n]+${name}\\(")
      set(threads ${CMAKE_MATCH_1})
    endif()
    string(APPEND REGISTRATIONS "COPPICE_KERNEL(${name}, ${threads});\n")
  endforeach()
  set(SOURCE ${source})
  get_filename_component(base ${source} NAME_WE)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${base}_emulated.cpp)
  configure_file(${CMAKE_CURRENT_SOURCE_DIR}/emulated.cpp.in ${generated} @ONLY)
  set_source_files_properties(${generated} PROPERTIES OBJECT_DEPENDS ${source}
                              INCLUDE_DIRECTORIES ${COPPICE_KERNEL_HEADERS}
                              COMPILE_OPTIONS "${COPPICE_EMULATED_OPTIONS}")
  set(${out} ${generated} PARENT_SCOPE)
endfunction()
