0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.000 client1 at node1
2.000 client2 at node1
2.000 client3 at node1
2.000 client4 at node1
3.000 candidates node2
3.000 partition node1 | rest
3.000 slow disk node1 times 4000 for 9s
3.001 client0 write r0 A
3.010 client1 write r1 B
3.010 client2 write r2 C
3.010 client3 write r3 D
3.010 client4 write r4 E
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 6
      node1 leads no more
4.800 heal
4.800 reset node1<->node2 within 0s
4.800 drop forward node1->any
      client0 writes r0: unknown
      client1 writes r1: unknown
      client2 writes r2: unknown
      client3 writes r3: unknown
      client4 writes r4: unknown
       the faults stop for node1 node2 node3
       committed to 16
       held
