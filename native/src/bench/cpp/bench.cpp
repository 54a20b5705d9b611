#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>
#include "coppice.h"
int main(){
  std::mt19937 g(1); std::normal_distribution<float> d(0,0.02f);
  size_t bytes=256u<<20; char* a=(char*)aligned_alloc(4096,bytes); 
  std::vector<uint32_t> counts(65536);
  std::vector<float> sample(1<<20); for(auto&x:sample) x=d(g);
  auto fill=[&](int dtype){ size_t n=bytes/(dtype?2:4); for(size_t i=0;i<n;i++){ float x=sample[(i*7919+i/1048576)&1048575]; if(dtype==0) memcpy(a+4*i,&x,4); else {uint32_t b; memcpy(&b,&x,4); uint16_t h=b>>16; memcpy(a+2*i,&h,2);} } };
  const char* names[]={"base","avx2","avx512"};
  for(int isa: {2,1,0}){ coppice_use_isa(isa);
   for(int dtype: {0,2}){ fill(dtype); int eb=dtype?2:4; int64_t ne=(512<<10)/eb;
    auto run=[&](const char* name,size_t total,std::function<void(char*,coppice_slice*,int)> f){
      for(int th=1;th<=2;th++){ double best=0; for(int rep=0;rep<4;rep++){
       auto t=std::chrono::steady_clock::now(); size_t done=0; 
       std::vector<std::thread> ts; for(int k=0;k<th;k++) ts.emplace_back([&,k]{ size_t part=bytes/2; char*b=a+k*part; size_t lim=total<part?total:part; for(size_t did=0;did<part;did+=lim) for(size_t o=0;o<lim;o+=512<<10){ coppice_slice s{dtype,0,7,9,(int64_t)(o/eb),1,ne,0}; f(b+o,&s,k);} });
       for(auto&x:ts)x.join(); done=th*(bytes/2);
       double s=std::chrono::duration<double>(std::chrono::steady_clock::now()-t).count(); if(done/s>best)best=done/s; }
       printf("%-6s %-4s %-22s %4zuK t%d %6.1f GB/s %6.2f Gel/s\n",names[isa],dtype?"bf16":"f32",name,total>>10,th,best/1e9,best/1e9/eb); fflush(stdout);} };
    int64_t base = dtype? 0x3c5c: 0x3c5c0000; 
    static uint32_t cnt[2][65536]; static char scr[2][16<<20]; 
    for(size_t tot: {(size_t)512<<10, (size_t)128<<20}){
    run("read",tot,[&](char*p,coppice_slice*,int){ volatile int64_t x=coppice_read(p,512<<10);(void)x;});
    run("hist narrow",tot,[&](char*p,coppice_slice*s,int k){ coppice_window w{base, dtype?0:5, dtype?4:2<<13}; if(!dtype) w.bins=4*65536/32; coppice_census c; coppice_histogram(p,s,&w,cnt[k],&c);});
    run("hist full",tot,[&](char*p,coppice_slice*s,int k){ coppice_window w{0, dtype?0:15, dtype?32768:65536}; coppice_census c; coppice_histogram(p,s,&w,cnt[k],&c);});
    run("apply(0 pruned)",tot,[&](char*p,coppice_slice*s,int){ coppice_tally t; coppice_apply(p,s,1,0,&t);});
    run("apply ties",tot,[&](char*p,coppice_slice*s,int){ coppice_tally t; coppice_apply(p,s,dtype?0x3400:0x34000000,1<<30,&t);});
    }
    { size_t tot=(size_t)128<<20;
    run("hist random",tot/8,[&](char*p,coppice_slice*s,int k){ s->ranking=1; coppice_window w{1u<<31, 5, 65536}; coppice_census c; coppice_histogram(p,s,&w,cnt[k],&c);});
    auto nm=[&](const char*nme,int n,int m,int inner,int r){ fill(dtype); run(nme,tot,[&,n,m,inner,r](char*p,coppice_slice*s,int k){ s->ranking=r; coppice_tally t; s->run_length= s->run_length/(m*inner)*(m*inner); coppice_select_n_of_m(p,s,n,m,inner,0,scr[k],&t);}); };
    nm("2:4",2,4,1,0); nm("4:8",4,8,1,0); nm("5:10",5,10,1,0); nm("16:32",16,32,1,0); nm("2:4 inner 9",2,4,9,0); nm("2:4 inner 1024",2,4,1024,0); nm("2:4 random",2,4,1,1);
    auto rw=[&](const char*nme,int outer,int inner,int r){ fill(dtype); run(nme,tot,[&,outer,inner,r](char*p,coppice_slice*s,int k){ s->ranking=r; coppice_tally t; int rows=s->run_length/outer/inner; s->run_length=(int64_t)rows*outer*inner; coppice_select_rows(p,s,outer,rows,inner,0.5,0,0,scr[k],&t);}); };
    rw("rows of 4096",1,4096,0); rw("rows of 64",1,64,0); rw("rows of 9",1,9,0); rw("one row",1,ne,0); rw("columns of 4096",4096,1,0);rw("columns of 256",256,1,0); rw("rows of 4096 rnd",1,4096,1);
    }
   }}
}
